package dev.langchain4j.model.mlx.generate;

import java.util.concurrent.TimeUnit;

/**
 * How the time of a model is shared between prefill and decode while requests want both: a chunk of prefill lasts about the
 * stall target at most, and then decode gets its share before the next one. Is told what each step took.
 *
 * <p>How many tokens fit into the stall target is learned from the chunks before, by how far they lay from the beginning of
 * their prompt, for attention makes later ones slower. A faster chunk counts at once and a slower one by half, so that a
 * moment in which the machine was busy does not make chunks small for long.
 */
final class TimeShare {
    private final long stallNanos;
    /** Nanoseconds that decode gets for one of prefill. */
    private final double decodePerPrefill;

    /** Tokens a nanosecond, by the number of bits of the position; 0 where nothing is known. */
    private final double[] rates = new double[Integer.SIZE + 1];

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
        return (int) Math.min(Integer.MAX_VALUE, rate(position) * stallNanos);
    }

    private double rate(int position) {
        int i = bits(position);
        while (i > 0 && rates[i] == 0) {
            i--;
        }
        return rates[i];
    }

    private static int bits(int position) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(position);
    }

    /**
     * Notes a chunk.
     *
     * @param position where it began
     * @param delayed whether others waited for it to decode
     */
    void prefilled(int position, int tokens, long nanos, boolean delayed) {
        if (tokens > 0 && nanos > 0) {
            learn(position, tokens, (double) tokens / nanos);
        }
        if (delayed) {
            owed = Math.max(1, (long) (nanos * decodePerPrefill));
        }
    }

    /** A chunk that was short for another reason than time says little: all chunks have a part that is the same. */
    private void learn(int position, int tokens, double rate) {
        double known = rate(position);
        double weight = known == 0 || rate > known ? 1 : Math.min(1, tokens / (known * stallNanos)) / 2;
        rates[bits(position)] = known + (rate - known) * weight;
    }

    /** Notes a step of decode. */
    void decoded(long nanos) {
        owed -= Math.max(1, nanos);
    }
}
