package dev.langchain4j.model.mlx.generate;

import java.util.concurrent.TimeUnit;

/**
 * How the time of a model is shared between prefill and decode while requests want both: a chunk of prefill lasts about the
 * stall target at most, and then decode gets its share before the next one. Is told what each step took.
 *
 * <p>How many tokens fit into the stall target is told by the best rate that was seen, by how far a chunk lay from the
 * beginning of its prompt, for attention makes later ones slower. The best and not the last: when the machine is busy all
 * chunks are slow, and smaller ones more so, for each reads the weights; they would get smaller and smaller.
 */
final class TimeShare {
    private final long stallNanos;
    /** Nanoseconds that decode gets for one of prefill. */
    private final double decodePerPrefill;

    /** The rates of short chunks, beside others; and of whole ones, which are better. */
    private final Rates shortChunks = new Rates();

    private final Rates wholeChunks = new Rates();

    /** Nanoseconds of decode that are owed. At least one after each chunk, and each step pays at least one. */
    private long owed;

    TimeShare(EngineLimits limits) {
        stallNanos = TimeUnit.NANOSECONDS.convert(limits.stallTarget());
        decodePerPrefill = limits.decodeShare() / (1 - limits.decodeShare());
    }

    /** Whether decode has to come before the next chunk. */
    boolean owesDecode() {
        return owed > 0;
    }

    /** Nobody wants the other's time: nothing is owed any more. */
    void settle() {
        owed = 0;
    }

    /** Tokens that fit into the stall target behind so many others; 0 as long as that is not known. */
    int chunkTokens(int position) {
        double rate = shortChunks.at(position);
        return (int) Math.min(Integer.MAX_VALUE, (rate > 0 ? rate : wholeChunks.at(position)) * stallNanos);
    }

    /**
     * Notes a chunk.
     *
     * @param position where it began
     * @param delayed whether others waited for it to decode
     */
    void prefilled(int position, int tokens, long nanos, boolean delayed) {
        if (tokens > 0 && nanos > 0) {
            (delayed ? shortChunks : wholeChunks).saw(position, (double) tokens / nanos);
        }
        if (delayed) {
            owed = Math.max(1, (long) (nanos * decodePerPrefill));
        }
    }

    /** Notes a step of decode. */
    void decoded(long nanos) {
        owed -= Math.max(1, nanos);
    }

    /**
     * The best rate that was seen, in tokens a nanosecond, in ranges of positions of which each is a quarter longer. A token
     * attends to a quarter more at most than one in the range before, so no rate is less than that one by more.
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
