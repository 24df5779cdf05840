package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.draft.Draft;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.draft.DraftPolicy;
import dev.langchain4j.model.mlx.draft.Drafter;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The drafts of one answer. A decoder feeds drafted tokens behind the one that it feeds anyway, and draws behind each of
 * them, with the key and the penalties of that position. As long as what is drawn is what was drafted, the drafts are tokens
 * of the answer; with the first that is not, the layers are cut back. So the answer is the one that comes without drafts,
 * and only its speed depends on them. Sources: arXiv:2211.17192, for drafts that are single tokens.
 *
 * <p>A draft has no end token, so that nothing is fed behind the end of an answer. Rows of several requests are not
 * speculated on: a pass of theirs is worth its weights already.
 */
final class Drafting implements AutoCloseable {
    private static final int UNKNOWN = -1;
    private static final int[] NONE = {};
    /** Most bytes of states between drafted positions, which are gone when the drafts were checked. */
    private static final long MARKED_BYTES_MAX = 1L << 30;

    private final Generation generation;
    /** Null if nothing is drafted. */
    private final DraftPolicy policy;

    private final List<Drafter> drafters;
    /** Null if any token may come. */
    private final TokenMask mask;

    private final boolean constrained;

    private final Map<DraftKind, DraftCounts> counts = new EnumMap<>(DraftKind.class);

    /** What the next token is hoped to begin; null for nothing. */
    private Draft hoped;
    /** What the layers were fed and nobody has checked yet; null for nothing. */
    private Draft fed;
    /** Where the layers are cut back to if nothing more of it turns out to be right. */
    private int kept;
    /** The token behind what was checked last. */
    private int next = UNKNOWN;

    /** When the step before began; 0 if it does not count. */
    private long began;
    /** Whether its token was known when it began, and how many positions it has. */
    private boolean beganKnown;

    private int width;

    /**
     * The drafts of an answer.
     *
     * @param drafters the one that is asked first, first; closed with this
     * @param mask what the answer may have; null for anything
     */
    Drafting(Generation generation, List<Drafter> drafters, TokenMask mask) {
        this.generation = generation;
        this.policy = generation.engine().draftPolicy();
        this.drafters = drafters;
        this.mask = mask;
        this.constrained = mask != null;
    }

    /** Whether the layers have drafts that {@link #settle} has to check. */
    boolean isVerifying() {
        return fed != null;
    }

    /** The drafts that the layers have. */
    int[] drafts() {
        return fed == null ? NONE : fed.tokens();
    }

    /**
     * Whether it is worth to wait for the next token, which is being computed, because it may be the first one of a draft.
     * If it is, call {@link #feed}; if not, {@link #plain}.
     */
    boolean hopes() {
        hoped = null;
        int most = Math.min(most(), DraftPolicy.TOKENS_MAX + 1);
        for (int i = 0; most > 1 && hoped == null && i < drafters.size(); i++) {
            Draft draft = drafters.get(i).propose(most);
            Draft rest = draft == null ? null : cut(draft.rest());
            int depth = rest == null ? 0 : policy.depth(rest, constrained, position());
            if (depth > 0) {
                hoped = draft.first(1 + depth);
            }
        }
        return hoped != null;
    }

    /** Begins a step whose token is not known yet. */
    void plain() {
        measure(false, 1);
    }

    /**
     * Begins a step with a token and what is drafted behind it.
     *
     * @return [1, 1 + drafts], a temporary of the current scope
     */
    MlxArray feed(int token) {
        measure(true, 0);
        committed(token);
        fed = hoped == null ? proposed() : ifHit(token);
        hoped = null;
        int[] drafts = drafts();
        width = 1 + drafts.length;
        int[] tokens = new int[width];
        tokens[0] = token;
        System.arraycopy(drafts, 0, tokens, 1, drafts.length);
        if (fed != null) {
            kept = position() + 1;
            layers().forEach(layer -> layer.mark(width));
        }
        return MlxArray.of(tokens, 1, width);
    }

    private Draft ifHit(int token) {
        boolean hit = hoped.tokens()[0] == token;
        policy.checked(hoped, constrained, 1, hit ? 1 : 0);
        return hit ? withRoom(hoped.rest()) : null;
    }

    private Draft proposed() {
        int most = Math.min(most() - 1, DraftPolicy.TOKENS_MAX);
        for (int i = 0; most > 0 && i < drafters.size(); i++) {
            Draft draft = cut(drafters.get(i).propose(most));
            Draft paying = draft == null ? null : draft.first(policy.depth(draft, constrained, position()));
            if (paying != null) {
                return withRoom(paying);
            }
        }
        return null;
    }

    private Draft withRoom(Draft draft) {
        return generation.mayGrow(draft.tokens().length) ? draft : null;
    }

    /** What of a draft comes before an end token and before what the answer may not have; null for nothing. */
    private Draft cut(Draft draft) {
        if (draft == null) {
            return null;
        }
        int[] tokens = draft.tokens();
        int count = 0;
        while (count < tokens.length && !generation.engine().isEnd(tokens[count])) {
            count++;
        }
        Draft open = draft.first(count);
        return open == null || mask == null ? open : open.first(mask.allowed(open.tokens()));
    }

    /** Most tokens that can follow the last one that was read, of which the next one is one; 0 where nothing is drafted. */
    private int most() {
        if (policy == null || !generation.isAlone() || generation.reasoning().isClosing()) {
            return 0;
        }
        int most = generation.answer().left() - 1;
        int position = position();
        long bytes = 0;
        for (LayerCache layer : layers()) {
            most = Math.min(most, layer.chunkLimit() - position);
            bytes += layer.bytesOfMarked();
        }
        return bytes == 0 ? most : (int) Math.min(most, MARKED_BYTES_MAX / bytes);
    }

    /** What is done for a token of the answer that was drafted. */
    @FunctionalInterface
    interface Accepted {
        /** Notes it. Returns why the answer ends with it; null to go on. */
        End token(int token);
    }

    /**
     * Checks the drafts that the layers have, and cuts the layers back to what is right of them.
     *
     * @param drawn what was drawn behind the token before them and behind each of them
     * @param accepted is told of those that are right
     * @return why the answer ends with one of them; null to go on with {@link #next}
     */
    End settle(int[] drawn, Accepted accepted) {
        int[] drafts = fed.tokens();
        int right = 0;
        while (right < drafts.length && drawn[right] == drafts[right]) {
            right++;
        }
        policy.checked(fed, constrained, drafts.length, right);
        End end = null;
        int taken = 0;
        while (taken < right && end == null && !generation.reasoning().isClosing()) {
            committed(drafts[taken]);
            kept++;
            end = accepted.token(drafts[taken++]);
        }
        generation.sampler().keepRows(taken + 1);
        counts.merge(fed.kind(), new DraftCounts(drafts.length, taken), DraftCounts::plus);
        next = generation.next(drawn[taken]);
        cutBack();
        return end;
    }

    /** The token that was drawn behind the last one that {@link #settle} accepted. */
    int next() {
        return next;
    }

    private void cutBack() {
        fed = null;
        for (LayerCache layer : layers()) {
            layer.trimTo(Math.min(kept, layer.offset()));
        }
    }

    /** Takes a token of the answer that no step was begun with. */
    void committed(int token) {
        for (int i = 0; i < drafters.size(); i++) {
            drafters.get(i).committed(token);
        }
    }

    /** Does what can be done while a pass is computed. */
    void prepare() {
        for (int i = 0; generation.answer().left() > 2 && i < drafters.size(); i++) {
            drafters.get(i).prepare();
        }
    }

    /** Learns what the step before took: of like steps that follow one another, for the pipeline has to be as full. */
    private void measure(boolean known, int nextWidth) {
        if (policy == null) {
            return;
        }
        long now = System.nanoTime();
        boolean alone = generation.isAlone();
        if (alone && began != 0 && known == beganKnown) {
            if (width > 1) {
                policy.pass(width, constrained, position(), now - began);
            } else if (constrained || !known) {
                policy.plain(constrained, position(), now - began);
            }
        }
        began = alone ? now : 0;
        beganKnown = known;
        width = nextWidth;
    }

    /** Tokens that were drafted and accepted. */
    Map<DraftKind, DraftCounts> counts() {
        return counts;
    }

    private int position() {
        List<LayerCache> layers = layers();
        return layers.isEmpty() ? 0 : layers.getFirst().offset();
    }

    private List<LayerCache> layers() {
        return generation.session().layers();
    }

    /** Cuts the layers back to what was recorded, when they are at rest. */
    @Override
    public void close() {
        try {
            if (fed != null) {
                cutBack();
            }
        } finally {
            drafters.forEach(Drafter::close);
        }
    }
}
