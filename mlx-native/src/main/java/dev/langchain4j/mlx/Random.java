package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Random numbers from explicit keys: the same key gives the same numbers on every machine. Lazy, as {@link Ops}. */
public final class Random {
    /** The greatest number of 32 bits. */
    private static final double BITS_MAX = 4294967295.0;

    private Random() {}

    /** The key of a seed. */
    public static MlxArray key(long seed) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_random_key(t.out(), seed), "random_key", null);
    }

    /** Two independent keys from one: the next key, and one to use now. */
    public static MlxArray[] split(MlxArray key) {
        OwnerThread t = OwnerThread.current();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment slot = arena.allocate(8, 8);
            t.check(MlxC.mlx_random_split(t.out(), slot.address(), t.use(key), t.stream), "random_split", key);
            return new MlxArray[] {t.adopt(t.outLong()), t.adopt(slot.get(ValueLayout.JAVA_LONG, 0))};
        }
    }

    /**
     * Indices drawn from distributions: [rows, n] log-probabilities, up to a constant for each row, give [rows]
     * indices. Each row is drawn with its key, so that it is the same one whatever rows are beside it. What is minus
     * infinity is never drawn: the greatest sum of a log-probability and noise is, and no sum of probabilities is
     * rounded.
     *
     * @param keys one for each row
     */
    public static MlxArray categorical(MlxArray logits, MlxArray... keys) {
        return Ops.argmax(Ops.add(gumbel(logits.dim(-1), keys), logits), -1, false);
    }

    /** Noise of Gumbel's distribution, a row for each key. */
    static MlxArray gumbel(int width, MlxArray... keys) {
        return keys.length == 1 ? gumbel(keys[0], 1, width) : gumbelOfRows(keys, width);
    }

    private static MlxArray gumbel(MlxArray key, int... shape) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_random_gumbel(
                        t.out(), t.ints(0, shape), shape.length, DType.FLOAT32.id(), t.use(key), t.stream),
                "random_gumbel",
                key);
    }

    /** The same for several rows: only the random bits are made row by row. */
    private static MlxArray gumbelOfRows(MlxArray[] keys, int width) {
        MlxArray[] rows = new MlxArray[keys.length];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = bits(keys[i], 1, width);
        }
        MlxArray uniform = Ops.divide(Indexing.concatenate(0, rows), MlxArray.scalar(BITS_MAX, DType.FLOAT32));
        MlxArray belowOne = Ops.minimum(uniform, MlxArray.scalar(Math.nextDown(1f), DType.FLOAT32));
        return Ops.negative(Ops.log(Ops.negative(Ops.log(belowOne))));
    }

    /** Random bits, uint32. */
    private static MlxArray bits(MlxArray key, int... shape) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_random_bits(
                        t.out(), t.ints(0, shape), shape.length, DType.UINT32.bytes(), t.use(key), t.stream),
                "random_bits",
                key);
    }

    /** Normally distributed singles of mean 0 and deviation 1. */
    public static MlxArray normal(MlxArray key, int... shape) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_random_normal(
                        t.out(), t.ints(0, shape), shape.length, DType.FLOAT32.id(), 0f, 1f, t.use(key), t.stream),
                "random_normal",
                key);
    }
}
