package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;
import java.util.Arrays;

/**
 * Decides how many drafted tokens a forward pass checks: the number for which the expected tokens of a pass, over what the
 * pass costs, are the most; none where that is not better than plain decoding. What passes cost, and how many drafts of each
 * kind and grade are right, is measured and remembered from request to request. What does not pay is tried again now and
 * then, more seldom each time. Belongs to the thread of one model. Source of the idea: Ollama's depth controller.
 *
 * <p>Costs are those of a pass of so many positions over those of a plain step of the same decoder, at contexts of a similar
 * length. A number of positions that was not measured is taken to cost as much as the next smaller one that was, and a
 * little more for each position, so that it gets tried.
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

    /** What is known of a kind's drafts at the beginning counts as so many tokens, and no measurement is forgotten sooner. */
    private static final double MEMORY_TOKENS = 60;

    private static final int PROBE_TOKENS = 3;
    private static final int PROBE_MIN = 8;
    private static final int PROBE_MAX = 512;
    private static final int CONTEXTS = 6;

    /** Passes of one decoder at contexts of a similar length; nanoseconds, and 0 where nothing was measured. */
    private static final class Costs {
        private final int[] counts = new int[WIDTHS.length];
        private final double[] nanos = new double[WIDTHS.length];

        private boolean isKnown() {
            return counts[0] >= FIRST;
        }

        private double plain() {
            return nanos[0];
        }

        private void learn(int index, double measured) {
            double known = nanos[index];
            double surprise = Math.clamp(measured - known, -SURPRISE_MAX * known, SURPRISE_MAX * known);
            boolean first = counts[index]++ < FIRST;
            nanos[index] = first
                    ? known == 0 ? measured : Math.min(known, measured)
                    : known + (surprise < 0 ? LEARN_SHORTER : LEARN_LONGER) * surprise;
        }

        /** Of passes with this many positions or more, which take no less; 0 if none was measured. */
        private double least(int index) {
            double least = 0;
            for (int i = index; i < WIDTHS.length; i++) {
                least = nanos[i] == 0 || (least > 0 && least < nanos[i]) ? least : nanos[i];
            }
            return least;
        }
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

    private final Odds[][][] odds = new Odds[2][DraftKind.values().length][Draft.GRADES];

    /** A policy that has measured nothing. */
    public DraftPolicy() {
        for (Costs[] each : costs) {
            Arrays.setAll(each, i -> new Costs());
        }
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
            case CONTINUED -> 0.8;
        };
    }

    /**
     * How many tokens of a draft are to be checked in the next pass; 0 for none.
     *
     * @param constrained whether a grammar has a say: such steps take other times, and other drafts are right
     * @param position tokens of the context
     */
    public int depth(Draft draft, boolean constrained, int position) {
        Costs known = costs[constrained ? 1 : 0][context(position)];
        if (!known.isKnown()) {
            return 0;
        }
        Odds odd = odds(draft, constrained);
        int most = Math.min(draft.tokens().length, TOKENS_MAX);
        int best = 0;
        double bestGain = MARGIN;
        double chance = 1;
        double expected = 1;
        for (int tokens = 1; tokens <= most; tokens++) {
            chance *= odd.each();
            expected += chance;
            double gain = expected * known.plain() / cost(known, constrained, tokens + 1);
            if (gain > bestGain) {
                bestGain = gain;
                best = tokens;
            }
        }
        if (best > 0) {
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
        while (known.nanos[smaller] == 0) {
            smaller--;
        }
        double guess = known.nanos[smaller] * (1 + SLOPE * (width - WIDTHS[smaller]));
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
        costs[constrained ? 1 : 0][context(position)].learn(0, nanos);
    }

    /** Learns what a pass of so many positions took, in nanoseconds. */
    public void pass(int width, boolean constrained, int position, long nanos) {
        int index = index(width);
        if (!warm[index]) {
            warm[index] = true;
            return;
        }
        costs[constrained ? 1 : 0][context(position)].learn(index, nanos);
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
