package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;
import java.util.Arrays;

/**
 * Decides how many drafted tokens a forward pass checks: the number for which the expected tokens of a pass, over what
 * the pass costs, are the most; none where that is not better than plain decoding. What passes cost, and how many
 * drafts of each kind and grade are right, is measured and remembered from request to request. What does not pay is
 * tried again now and then, more seldom each time. Belongs to the thread of one model. Source of the idea: Ollama's
 * depth controller.
 *
 * <p>Costs are those of a pass of so many positions over those of a plain step of the same decoder, at contexts of a
 * similar length, and what a model takes that computes the drafts, if one does. A number of positions that was not
 * measured is taken to cost as much as the next smaller one that was, and a little more for each position, so that it
 * gets tried.
 */
@Internal
public class DraftPolicy {
    /** Most drafted tokens of a pass. */
    public static final int TOKENS_MAX = 31;

    private static final int[] WIDTHS = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};
    /** What a position is taken to add to the costs of a pass. */
    private static final double SLOPE = 0.05;

    /** How much better than plain decoding a pass must be: as much as the measurements are in doubt. */
    private static final double MARGIN = 1.04;

    /** Of so many times the shortest is where learning begins; nothing is decided before so many plain steps. */
    private static final int FIRST = 3;

    /** Times are learned more from short ones: long ones are those in which something else ran. */
    private static final double LEARN_SHORTER = 0.25;

    private static final double LEARN_LONGER = 0.1;
    /** Most that one measurement counts for, as a part of what is known. */
    private static final double SURPRISE_MAX = 0.5;

    /**
     * What is known of a kind's drafts at the beginning counts as so many tokens, and no measurement is forgotten
     * sooner.
     */
    private static final double MEMORY_TOKENS = 60;

    private static final int PROBE_TOKENS = 3;
    private static final int PROBE_MIN = 8;
    private static final int PROBE_MAX = 512;
    private static final int CONTEXTS = 6;

    /**
     * Passes with drafts after which a plain step is measured anew, and most steps that are let go by until one was.
     */
    private static final int PASSES_MAX = 64;

    private static final int STALE_STEPS = 4;

    /** How long something takes that is done again and again. */
    private static final class Time {
        private int count;
        /** 0 if it was not measured. */
        private double nanos;

        private void learn(double measured) {
            double surprise = Math.clamp(measured - nanos, -SURPRISE_MAX * nanos, SURPRISE_MAX * nanos);
            boolean first = count++ < FIRST;
            nanos = first
                    ? nanos == 0 ? measured : Math.min(nanos, measured)
                    : nanos + (surprise < 0 ? LEARN_SHORTER : LEARN_LONGER) * surprise;
        }
    }

    /** Passes of one decoder at contexts of a similar length. */
    private static final class Costs {
        private final Time[] widths = times(WIDTHS.length);
        /**
         * Passes with drafts since the last plain step that was measured, and steps without since there were too many.
         */
        private int passes;

        private int steps;

        /** Whether nothing is to be drafted for a step, because what a plain one takes may have changed. */
        private boolean wantsPlain() {
            if (passes >= PASSES_MAX && ++steps > STALE_STEPS) {
                passes = 0;
            }
            return passes >= PASSES_MAX;
        }

        private boolean isKnown() {
            return widths[0].count >= FIRST;
        }

        private double plain() {
            return widths[0].nanos;
        }

        /** Of passes with this many positions or more, which take no less; 0 if none was measured. */
        private double least(int index) {
            double least = 0;
            for (int i = index; i < WIDTHS.length; i++) {
                double nanos = widths[i].nanos;
                least = nanos == 0 || (least > 0 && least < nanos) ? least : nanos;
            }
            return least;
        }
    }

    private static Time[] times(int count) {
        Time[] times = new Time[count];
        Arrays.setAll(times, i -> new Time());
        return times;
    }

    /** Drafts of one kind and grade. */
    private static final class Odds {
        private double right;
        private double wrong;
        private int skipped;
        private int probeAfter = PROBE_MIN;

        private Odds(double start) {
            right = start * 8;
            wrong = (1 - start) * 8;
        }

        private double each() {
            return right / (right + wrong);
        }
    }

    private final Costs[][] costs = new Costs[2][CONTEXTS];
    /** Whether a number of positions was ever computed: the first time may compile kernels. */
    private final boolean[] warm = new boolean[WIDTHS.length];

    /** What a computed token of each kind takes, at contexts of a similar length. */
    private final Time[][] drafting = new Time[DraftKind.values().length][];

    private final boolean[] draftingIsWarm = new boolean[DraftKind.values().length];

    private final Odds[][][] odds = new Odds[2][DraftKind.values().length][Draft.GRADES];

    /** A policy that has measured nothing. */
    public DraftPolicy() {
        for (Costs[] each : costs) {
            Arrays.setAll(each, i -> new Costs());
        }
        Arrays.setAll(drafting, kind -> times(CONTEXTS));
        for (Odds[][] each : odds) {
            for (DraftKind kind : DraftKind.values()) {
                Arrays.setAll(each[kind.ordinal()], grade -> new Odds(start(kind, grade)));
            }
        }
    }

    private static double start(DraftKind kind, int grade) {
        return switch (kind) {
            case FORCED -> 0.95;
            case SYNTAX -> 0.9;
            case COPIED -> 0.7 + 0.1 * grade;
            case CONTINUED -> 0.6 + 0.1 * grade;
            case DRAFT_MODEL, MTP -> 0.7;
        };
    }

    /**
     * How many tokens of a draft are to be checked in the next pass; 0 for none.
     *
     * @param constrained whether a grammar has a say: such steps take other times, and other drafts are right
     * @param position tokens of the context
     */
    public final int depth(Draft draft, boolean constrained, int position) {
        return depth(draft.kind(), draft.grade(), draft.tokens().length, constrained, position);
    }

    /** The same before a draft is computed, which may have so many tokens: what it takes counts. */
    public int depth(DraftKind kind, int grade, int tokensMax, boolean constrained, int position) {
        Costs known = costs[constrained ? 1 : 0][context(position)];
        if (!known.isKnown() || known.wantsPlain()) {
            return 0;
        }
        Odds odd = odds[constrained ? 1 : 0][kind.ordinal()][grade];
        double each = drafting(kind, position);
        int most = Math.min(tokensMax, TOKENS_MAX);
        int best = 0;
        double bestGain = MARGIN;
        double chance = 1;
        double expected = 1;
        for (int tokens = 1; tokens <= most; tokens++) {
            chance *= odd.each();
            expected += chance;
            double gain = expected * known.plain() / (cost(known, constrained, tokens + 1) + tokens * each);
            if (gain > bestGain) {
                bestGain = gain;
                best = tokens;
            }
        }
        if (best > 0) {
            known.passes++;
            odd.skipped = 0;
            odd.probeAfter = PROBE_MIN;
            return best;
        }
        return ++odd.skipped < odd.probeAfter ? 0 : probe(odd, most);
    }

    private static int probe(Odds odd, int most) {
        odd.skipped = 0;
        odd.probeAfter = Math.min(PROBE_MAX, 2 * odd.probeAfter);
        return Math.min(PROBE_TOKENS, most);
    }

    private double cost(Costs known, boolean constrained, int width) {
        int index = index(width);
        double least = known.least(index);
        if (least > 0) {
            return least;
        }
        int smaller = index;
        while (known.widths[smaller].nanos == 0) {
            smaller--;
        }
        double guess = known.widths[smaller].nanos * (1 + SLOPE * (width - WIDTHS[smaller]));
        double elsewhere = ratioElsewhere(constrained, index) * known.plain();
        return Math.max(guess, elsewhere);
    }

    /** What was measured at contexts of another length, over a plain step there; 0 if nothing was. */
    private double ratioElsewhere(boolean constrained, int index) {
        double least = 0;
        for (Costs other : costs[constrained ? 1 : 0]) {
            double ratio = other.isKnown() ? other.least(index) / other.plain() : 0;
            least = ratio == 0 || (least > 0 && least < ratio) ? least : ratio;
        }
        return least;
    }

    /**
     * What a computed token takes: at contexts of this length, else of the nearest that was measured; 0 if none was.
     */
    private double drafting(DraftKind kind, int position) {
        Time[] times = drafting[kind.ordinal()];
        int context = context(position);
        for (int apart = 0; apart < CONTEXTS; apart++) {
            double shorter = context >= apart ? times[context - apart].nanos : 0;
            double longer = context + apart < CONTEXTS ? times[context + apart].nanos : 0;
            if (shorter > 0 || longer > 0) {
                return Math.max(shorter, longer);
            }
        }
        return 0;
    }

    private static int index(int width) {
        int index = 0;
        while (WIDTHS[index] < width) {
            index++;
        }
        return index;
    }

    /** By powers of four from a thousand tokens on. */
    private static int context(int position) {
        int magnitude = Integer.SIZE - Integer.numberOfLeadingZeros(position >> 10);
        return Math.min(CONTEXTS - 1, (magnitude + 1) / 2);
    }

    private Odds odds(Draft draft, boolean constrained) {
        return odds[constrained ? 1 : 0][draft.kind().ordinal()][draft.grade()];
    }

    /** Learns what a step without drafts took, in nanoseconds. */
    public void plain(boolean constrained, int position, long nanos) {
        Costs known = costs[constrained ? 1 : 0][context(position)];
        known.widths[0].learn(nanos);
        known.passes = 0;
        known.steps = 0;
    }

    /** Learns what a pass of so many positions took, in nanoseconds. */
    public void pass(int width, boolean constrained, int position, long nanos) {
        int index = index(width);
        if (!warm[index]) {
            warm[index] = true;
            return;
        }
        costs[constrained ? 1 : 0][context(position)].widths[index].learn(nanos);
    }

    /**
     * Learns what it took to compute a draft of so many tokens, in nanoseconds, which is no part of what a pass took.
     */
    public void drafted(DraftKind kind, int tokens, int position, long nanos) {
        if (!draftingIsWarm[kind.ordinal()]) {
            draftingIsWarm[kind.ordinal()] = true;
            return;
        }
        drafting[kind.ordinal()][context(position)].learn((double) nanos / tokens);
    }

    /** Learns how many tokens of a draft were right until one was wrong, if one was. */
    public void checked(Draft draft, boolean constrained, int tokens, int right) {
        Odds odd = odds(draft, constrained);
        odd.right += right;
        odd.wrong += right < tokens ? 1 : 0;
        double all = odd.right + odd.wrong;
        if (all > MEMORY_TOKENS) {
            odd.right *= MEMORY_TOKENS / all;
            odd.wrong *= MEMORY_TOKENS / all;
        }
    }
}
