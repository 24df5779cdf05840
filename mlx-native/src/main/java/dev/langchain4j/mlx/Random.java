package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Random numbers from explicit keys: the same key gives the same numbers on every machine. Lazy, as {@link Ops}. */
public final class Random {
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

    /** Indices drawn from the distributions whose log-probabilities (up to a constant) lie along an axis. */
    public static MlxArray categorical(MlxArray logits, int axis, MlxArray key) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_random_categorical(t.out(), t.use(logits), axis, t.use(key), t.stream),
                "random_categorical",
                logits,
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
