package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.draft.Draft;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.draft.Drafter;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.DraftModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Drafts with a {@link DraftModel}: each token is the likeliest one behind those before it, or drawn with the key that
 * the answer's token will be drawn with, so that what is nearly as likely for both is drawn by both. Its layers stand
 * behind those of the model in the same sequence, so that the prompt cache keeps, copies and counts both alike. They
 * are fed each chunk of the prompt; of the answer they are fed what a proposal needs, many tokens at once where nothing
 * is proposed, and the rest at the end, when both must stand at one offset.
 *
 * <p>Heads of the model (MTP) are fed each token with the hidden state behind the token before. Where that is not
 * known, at the beginning and where a prompt goes on behind what was cached, it is taken to be zero: a draft may be
 * wrong by it, and no answer is.
 */
final class ModelDrafter implements Drafter {
    private static final int CATCH_UP_TOKENS = 32;
    private static final int[] NONE = {};

    /** How a token is drawn. */
    @FunctionalInterface
    interface Draw {
        /**
         * A token.
         *
         * @param logits [1, vocabulary of the model that is drafted for]
         * @param ahead number of tokens that are drawn before
         * @return uint32 [1]
         */
        MlxArray of(MlxArray logits, int ahead);
    }

    private final DraftModel model;
    private final Draw draw;
    private final int vocabulary;
    private final List<LayerCache> main;
    private final List<LayerCache> own;

    /** Tokens of the sequence that the own layers were not fed. */
    private int[] pending = new int[2 * CATCH_UP_TOKENS];

    private int count;
    /** Hidden states behind tokens that were fed to the model, one behind the other; owned. */
    private final List<MlxArray> hidden = new ArrayList<>();
    /** The position behind the last of those tokens. */
    private int hiddenEnd;

    /**
     * Drafted tokens that the own layers have behind those of the sequence, and how many of them turned out to be
     * right.
     */
    private int[] fed = NONE;

    private int right;

    /**
     * A drafter of one sequence.
     *
     * @param draw not asked before {@link #propose}
     * @param vocabulary number of token ids of the model that it drafts for
     * @param layers those of that model, then those of the draft model
     * @param ownLayers number of the latter
     */
    ModelDrafter(DraftModel model, Draw draw, int vocabulary, List<LayerCache> layers, int ownLayers) {
        this.model = model;
        this.draw = draw;
        this.vocabulary = vocabulary;
        this.main = layers.subList(0, layers.size() - ownLayers);
        this.own = layers.subList(main.size(), layers.size());
    }

    /** The layers of the model that it drafts for. */
    List<LayerCache> mainLayers() {
        return main;
    }

    boolean readsHidden() {
        return model.readsHidden();
    }

    @Override
    public DraftKind computed() {
        return model.readsHidden() ? DraftKind.MTP : DraftKind.DRAFT_MODEL;
    }

    /**
     * Feeds a chunk of the prompt that the model was fed, lazily.
     *
     * @param rows what the model has behind each of these tokens, [1, tokens, hidden size]; a temporary
     */
    void follow(int[] chunk, MlxArray rows) {
        int start = own.getFirst().offset();
        MlxArray before = null;
        if (readsHidden()) {
            MlxArray first = hiddenOf(start - 1);
            before = chunk.length == 1
                    ? first
                    : Indexing.concatenate(1, first, Indexing.slice(rows, 1, 0, chunk.length - 1));
        }
        model.forward(ids(chunk), before, Spans.of(own, chunk.length));
        if (readsHidden()) {
            keepHidden(Indexing.slice(rows, 1, chunk.length - 1, chunk.length), start + chunk.length);
        }
    }

    /** What is to be computed of the last chunk beside the layers. */
    List<MlxArray> queued() {
        return hidden;
    }

    /**
     * Takes what the model has behind tokens that were fed to it, up to its layers' offset: [1, tokens, hidden size].
     */
    void fed(MlxArray rows) {
        keepHidden(rows, main.getFirst().offset());
    }

    /** Those behind what is taken back count no longer. */
    private void keepHidden(MlxArray rows, int end) {
        int length = rows.dim(1);
        while (!hidden.isEmpty() && hiddenEnd > end - length) {
            hidden.removeLast().close();
            hiddenEnd--;
        }
        if (hiddenEnd < end - length) {
            forgetHidden(Integer.MAX_VALUE);
        }
        for (int i = 0; i < length; i++) {
            hidden.add((length == 1 ? rows : Indexing.slice(rows, 1, i, i + 1)).detach());
        }
        hiddenEnd = end;
        forgetHidden(settled() - 1);
    }

    private void forgetHidden(int before) {
        while (!hidden.isEmpty() && hiddenEnd - hidden.size() < before) {
            hidden.removeFirst().close();
        }
    }

    private MlxArray hiddenOf(int position) {
        int index = position - (hiddenEnd - hidden.size());
        return index >= 0 && index < hidden.size()
                ? hidden.get(index)
                : Indexing.zeros(model.type(), 1, 1, model.hiddenSize());
    }

    /** Tokens of the sequence that the own layers have. */
    private int settled() {
        return own.getFirst().offset() - (fed.length - right);
    }

    /** Feeds the last token of the prompt, when the model is fed it. */
    void begin(int token) {
        committed(token);
        catchUp(count);
    }

    @Override
    public void committed(int token) {
        if (right < fed.length && fed[right] == token) {
            right++;
            return;
        }
        cutBack();
        if (count == pending.length) {
            pending = Arrays.copyOf(pending, 2 * count);
        }
        pending[count++] = token;
    }

    /** Takes back the drafted tokens that were not right. */
    private void cutBack() {
        if (fed.length > 0) {
            int settled = settled();
            fed = NONE;
            right = 0;
            own.forEach(layer -> layer.trimTo(settled));
        }
    }

    @Override
    public Draft propose(int max) {
        if (count == 0 && right > 0) {
            // The last token was fed already, but what comes behind it was not kept.
            int last = fed[--right];
            cutBack();
            pending[count++] = last;
        }
        if (count == 0) {
            return null;
        }
        MlxArray drafts;
        int[] tokens;
        try (Scope scope = Scope.open()) {
            drafts = draft(max).detach();
        }
        try (drafts) {
            Eval.eval(drafts);
            tokens = drafts.toInts();
        }
        fed = Arrays.copyOf(tokens, tokens.length - 1);
        right = 0;
        if (readsHidden()) {
            // They are to be fed with the hidden states of the model.
            cutBack();
        }
        return new Draft(computed(), 0, tokens);
    }

    /** [1, tokens]. */
    private MlxArray draft(int max) {
        MlxArray state = feedPending(count);
        int last = state.dim(1) - 1;
        state = last == 0 ? state : Indexing.slice(state, 1, last, last + 1);
        int steps = max;
        for (LayerCache layer : own) {
            steps = Math.min(steps, 1 + layer.chunkLimit() - layer.offset());
        }
        int more = steps - 1;
        if (more > 0) {
            own.forEach(layer -> layer.mark(more));
        }
        MlxArray[] tokens = new MlxArray[steps];
        for (int i = 0; i < steps; i++) {
            tokens[i] = Indexing.reshape(draw.of(common(model.logits(state)), i), 1, 1);
            if (i < more) {
                state = model.forward(tokens[i], readsHidden() ? state : null, Spans.of(own, 1));
            }
        }
        return steps == 1 ? tokens[0] : Indexing.concatenate(1, tokens);
    }

    /** Logits of the ids that the model has; what the draft model does not know is not drawn. */
    private MlxArray common(MlxArray logits) {
        int known = logits.dim(2);
        MlxArray row = Indexing.reshape(logits, 1, known);
        return known > vocabulary
                ? Indexing.slice(row, 1, 0, vocabulary)
                : known == vocabulary
                        ? row
                        : Indexing.pad(
                                row,
                                1,
                                0,
                                vocabulary - known,
                                MlxArray.scalar(Double.NEGATIVE_INFINITY, logits.dtype()));
    }

    /** Feeds the first of the pending tokens; returns the own hidden states behind them. */
    private MlxArray feedPending(int tokens) {
        MlxArray before = null;
        if (readsHidden()) {
            MlxArray[] rows = new MlxArray[tokens];
            int position = settled();
            for (int i = 0; i < tokens; i++) {
                rows[i] = hiddenOf(position + i - 1);
            }
            before = tokens == 1 ? rows[0] : Indexing.concatenate(1, rows);
        }
        MlxArray behind = model.forward(ids(Arrays.copyOf(pending, tokens)), before, Spans.of(own, tokens));
        count -= tokens;
        System.arraycopy(pending, tokens, pending, 0, count);
        forgetHidden(settled() - 1);
        return behind;
    }

    /** A token that the draft model does not know is fed as one that it knows. */
    private MlxArray ids(int[] tokens) {
        int[] known = tokens.clone();
        for (int i = 0; i < known.length; i++) {
            known[i] = known[i] < model.vocabularySize() ? known[i] : 0;
        }
        return MlxArray.of(known, 1, known.length);
    }

    @Override
    public void prepare() {
        if (count >= CATCH_UP_TOKENS) {
            catchUp(count);
        }
    }

    private void catchUp(int tokens) {
        int left = tokens;
        while (left > 0) {
            int part = left;
            for (LayerCache layer : own) {
                part = Math.min(part, layer.chunkLimit() - layer.offset());
            }
            try (Scope scope = Scope.open()) {
                feedPending(part);
            }
            left -= part;
        }
        Eval.async(LayerCache.buffers(own));
    }

    /** Brings the own layers to where those of the model stand. Idempotent. */
    @Override
    public void close() {
        try {
            cutBack();
            int end = main.getFirst().offset();
            int behind = Math.min(count, end - settled());
            if (behind > 0) {
                catchUp(behind);
                Eval.eval(LayerCache.buffers(own));
            }
            count = 0;
            for (LayerCache layer : own) {
                if (layer.sliceable() && layer.offset() > end) {
                    layer.trimTo(end);
                }
            }
        } finally {
            forgetHidden(Integer.MAX_VALUE);
        }
    }
}
