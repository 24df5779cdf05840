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
 * The drafts of one answer. A decoder feeds drafted tokens behind the one that it feeds anyway, and draws behind each
 * of them, with the key and the penalties of that position. As long as what is drawn is what was drafted, the drafts
 * are tokens of the answer; with the first that is not, the layers are cut back. So the answer is the one that comes
 * without drafts, and only its speed depends on them. Sources: arXiv:2211.17192, for drafts that are single tokens.
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
    /** How many tokens a model is to draft behind the next one. */
    private int planned;
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
        this.policy = generation.engine().drafters().policy();
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
     * Whether it is worth to wait for the next token, which is being computed, because it may be the first one of a
     * draft, or because a model may draft what comes behind it. If it is, call {@link #feed}; if not, {@link #plain}.
     */
    boolean hopes() {
        hoped = null;
        planned = 0;
        int most = Math.min(most(), DraftPolicy.TOKENS_MAX + 1);
        for (int i = 0; most > 1 && hoped == null && i < drafters.size(); i++) {
            Drafter drafter = drafters.get(i);
            if (drafter.computed() != null) {
                planned = policy.depth(drafter.computed(), 0, most - 1, constrained, position());
                continue;
            }
            Draft draft = drafter.propose(most);
            Draft rest = draft == null ? null : cut(draft.rest());
            int depth = rest == null ? 0 : policy.depth(rest, constrained, position());
            if (depth > 0) {
                hoped = draft.first(1 + depth);
            }
        }
        return hoped != null || planned > 0;
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
        fed = hoped == null ? null : ifHit(token);
        fed = fed == null ? proposed() : fed;
        hoped = null;
        planned = 0;
        int[] drafts = drafts();
        width = 1 + drafts.length;
        int[] tokens = new int[width];
        tokens[0] = token;
        System.arraycopy(drafts, 0, tokens, 1, drafts.length);
        if (fed != null) {
            kept = position() + 1;
            layers().forEach(layer -> layer.mark(width));
        } else {
            generation.session().lend(0);
        }
        return MlxArray.of(tokens, 1, width);
    }

    private Draft ifHit(int token) {
        boolean hit = hoped.tokens()[0] == token;
        policy.checked(hoped, constrained, 1, hit ? 1 : 0);
        Draft rest = hit ? hoped.rest() : null;
        return rest != null && hasRoom(rest.tokens().length) ? rest : null;
    }

    private Draft proposed() {
        int most = Math.min(most() - 1, DraftPolicy.TOKENS_MAX);
        for (int i = 0; most > 0 && i < drafters.size(); i++) {
            Drafter drafter = drafters.get(i);
            Draft draft = drafter.computed() == null ? cut(drafter.propose(most)) : computed(drafter, most);
            boolean pays = draft != null && drafter.computed() != null;
            Draft paying = draft == null || pays ? draft : draft.first(policy.depth(draft, constrained, position()));
            if (paying != null) {
                return pays || hasRoom(paying.tokens().length) ? paying : null;
            }
        }
        return null;
    }

    /** What a model drafts, as much of it as pays. */
    private Draft computed(Drafter drafter, int most) {
        DraftKind kind = drafter.computed();
        int depth = planned > 0 ? Math.min(planned, most) : policy.depth(kind, 0, most, constrained, position());
        if (depth == 0 || !hasRoom(depth)) {
            return null;
        }
        long start = System.nanoTime();
        Draft draft = drafter.propose(depth);
        if (draft == null) {
            return null;
        }
        long taken = System.nanoTime() - start;
        policy.drafted(kind, draft.tokens().length, position(), taken);
        // The step is measured without.
        began += began == 0 ? 0 : taken;
        Draft open = cut(draft);
        if (open == null) {
            policy.checked(draft, constrained, 1, 0);
        }
        return open;
    }

    /** Whether there is memory for so many drafted tokens, and for what the layers keep to go back. */
    private boolean hasRoom(int drafts) {
        long kept = (1L + drafts) * bytesOfMarked(generation.session().layers());
        return generation.mayGrow(drafts) && generation.session().lend(kept);
    }

    private static long bytesOfMarked(List<LayerCache> layers) {
        long bytes = 0;
        for (LayerCache layer : layers) {
            bytes += layer.bytesOfMarked();
        }
        return bytes;
    }

    /** What of a draft comes before an end token and before what the answer may not have; null for nothing. */
    private Draft cut(Draft draft) {
        if (draft == null) {
            return null;
        }
        int[] tokens = draft.tokens();
        int count = 0;
        while (count < tokens.length
                && isToken(tokens[count])
                && !generation.engine().isEnd(tokens[count])) {
            count++;
        }
        Draft open = draft.first(count);
        return open == null || mask == null ? open : open.first(mask.allowed(open.tokens()));
    }

    /** Not what stands for a picture in the prompt cache. */
    private boolean isToken(int id) {
        return id >= 0 && id < generation.model().vocabularySize();
    }

    /**
     * Most tokens that can follow the last one that was read, of which the next one is one; 0 where nothing is drafted.
     */
    private int most() {
        if (policy == null || !generation.isAlone() || generation.reasoning().isClosing()) {
            return 0;
        }
        int most = generation.answer().left() - 1;
        int position = position();
        for (LayerCache layer : layers()) {
            most = Math.min(most, layer.chunkLimit() - position);
        }
        long bytes = bytesOfMarked(generation.session().layers());
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
        generation.session().lend(0);
    }

    /** Takes a token of the answer that no step was begun with. */
    void committed(int token) {
        for (int i = 0; i < drafters.size(); i++) {
            drafters.get(i).committed(token);
        }
    }

    /** Does what can be done while a pass is computed; beside others no more than what has to be done some time. */
    void prepare() {
        for (int i = 0; generation.answer().left() > 2 && i < drafters.size(); i++) {
            Drafter drafter = drafters.get(i);
            if (generation.isAlone() || drafter.computed() != null) {
                drafter.prepare();
            }
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
        return generation.layers();
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
