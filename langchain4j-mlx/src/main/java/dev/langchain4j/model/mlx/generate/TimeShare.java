package dev.langchain4j.model.mlx.generate;

import java.util.concurrent.TimeUnit;

/**
 * How the time of a model is shared between prefill and decode while requests want both: a chunk of prefill lasts about
 * the stall target at most, and then decode gets its share before the next one. The last chunk of a prompt waits for
 * one step of decode only, because its request decodes next. Is told what each step took.
 *
 * <p>How many tokens fit into the stall target is told by the best rate that was seen, by how far a chunk lay from the
 * beginning of its prompt, for attention makes later ones slower; and by how much slower the last chunks were. When the
 * machine is busy chunks get smaller, but not below a third: smaller ones are slower still, for each reads the weights.
 */
final class TimeShare {
    private static final double PACE_MIN = 1.0 / 3;

    private final long stallNanos;
    /** Nanoseconds that decode gets for one of prefill. */
    private final double decodePerPrefill;

    /** The rates of short chunks, beside others; and of whole ones, which are better. */
    private final Rates shortChunks = new Rates();

    private final Rates wholeChunks = new Rates();

    /** How fast the last chunks were, as a share of the best; at least {@link #PACE_MIN}. */
    private double pace = 1;

    /** Nanoseconds of decode that are owed. At least one after each chunk, and each step pays at least one. */
    private long owed;

    /** Whether decode took a step since the last chunk. */
    private boolean stepped;

    TimeShare(EngineLimits limits) {
        stallNanos = TimeUnit.NANOSECONDS.convert(limits.stallTarget());
        decodePerPrefill = limits.decodeShare() / (1 - limits.decodeShare());
    }

    /**
     * Whether decode has to come before the next chunk.
     *
     * @param position where that chunk begins
     * @param remaining tokens that its prompt has left; if they are one chunk, it waits for one step of decode only,
     *     unless more than one chunk's share is owed
     */
    boolean owesDecode(int position, int remaining) {
        boolean canWait = stepped && owed <= stallNanos * decodePerPrefill && remaining <= chunkTokens(position);
        return owed > 0 && !canWait;
    }

    /** Nobody wants the other's time: nothing is owed any more. */
    void settle() {
        owed = 0;
    }

    /** Tokens that fit into the stall target behind so many others; 0 as long as that is not known. */
    int chunkTokens(int position) {
        return (int) Math.min(Integer.MAX_VALUE, rate(position) * pace * stallNanos);
    }

    /**
     * Nanoseconds that the first tokens of a prompt take at the best rates that were seen; 0 if none was. What was
     * never computed so near to the beginning counts as it does where it was.
     */
    double prefillNanos(int tokens) {
        return wholeChunks.isEmpty() ? shortChunks.nanosOf(tokens) : wholeChunks.nanosOf(tokens);
    }

    private double rate(int position) {
        double rate = shortChunks.at(position);
        return rate > 0 ? rate : wholeChunks.at(position);
    }

    /**
     * Notes a chunk.
     *
     * @param position where it began
     * @param delayed whether others waited for it to decode
     */
    void prefilled(int position, int tokens, long nanos, boolean delayed) {
        if (tokens > 0 && nanos > 0) {
            double rate = (double) tokens / nanos;
            if (delayed) {
                keepPace(rate, tokens, position);
            }
            (delayed ? shortChunks : wholeChunks).saw(position, rate);
        }
        if (delayed) {
            owed = Math.max(0, owed) + Math.max(1, (long) (nanos * decodePerPrefill));
            stepped = false;
        }
    }

    /** The end of a prompt is short and slow whatever the machine does, so it counts less. */
    private void keepPace(double rate, int tokens, int position) {
        int expected = chunkTokens(position);
        if (expected > 0) {
            double now = Math.min(1, rate / rate(position));
            pace = Math.max(PACE_MIN, pace + (now - pace) / 2 * Math.min(1, (double) tokens / expected));
        }
    }

    /** Notes a step of decode. */
    void decoded(long nanos) {
        owed -= Math.max(1, nanos);
        stepped = true;
    }

    /**
     * The best rate that was seen, in tokens a nanosecond, in ranges of positions of which each is a quarter longer. A
     * token attends to a quarter more at most than one in the range before, so no rate is less than that one by more.
     */
    private static final class Rates {
        private static final double LONGER = 1.25;
        private static final int FIRST = 64;
        private final double[] best = new double[128];

        private static int range(int position) {
            return (int) (Math.log(Math.max(1, (double) position / FIRST)) / Math.log(LONGER));
        }

        void saw(int position, double rate) {
            int range = range(position);
            best[range] = Math.max(best[range], rate);
        }

        boolean isEmpty() {
            return at(Integer.MAX_VALUE) == 0;
        }

        double nanosOf(int tokens) {
            double nanos = 0;
            double rate = 0;
            for (int i = 0; i < best.length && rate == 0; i++) {
                rate = best[i];
            }
            double end = FIRST;
            for (int i = 0, from = 0; rate > 0 && from < tokens; i++) {
                end *= LONGER;
                rate = best[i] > 0 ? Math.max(best[i], rate / LONGER) : rate;
                int to = (int) Math.min(tokens, Math.ceil(end));
                nanos += (to - from) / rate;
                from = to;
            }
            return nanos;
        }

        /** The rate at a position; 0 if none is known there or before. */
        double at(int position) {
            double rate = 0;
            for (int i = range(position), n = 0; n <= i; n++) {
                rate = best[n] > 0 ? Math.max(best[n], rate / LONGER) : rate;
            }
            return rate;
        }
    }
}
