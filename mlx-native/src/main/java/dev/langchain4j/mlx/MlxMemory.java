package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.NativeErrors;
import dev.langchain4j.mlx.ffi.NativeHeap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongUnaryOperator;

/** What MLX's allocator holds and may hold, for the whole process. May be called from any thread. */
public final class MlxMemory {
    private static final long MIB = 1 << 20;
    private static final AtomicLong WEIGHTS = new AtomicLong();
    private static volatile boolean limitSet;

    private MlxMemory() {}

    /** Bytes in use by arrays. */
    public static long activeBytes() {
        return read(MlxC::mlx_get_active_memory, "get_active_memory");
    }

    /** Most bytes that were in use since the start or {@link #resetPeak}. */
    public static long peakBytes() {
        return read(MlxC::mlx_get_peak_memory, "get_peak_memory");
    }

    /** Freed bytes that are kept for reuse. */
    public static long cacheBytes() {
        return read(MlxC::mlx_get_cache_memory, "get_cache_memory");
    }

    /** Bytes above which the allocator waits for running work before it allocates. */
    public static long limitBytes() {
        return read(MlxC::mlx_get_memory_limit, "get_memory_limit");
    }

    /**
     * Bytes that a program should keep at most in the memory of the GPU, as its driver says: Metal's recommended
     * working set. 0 where nothing is recommended, as on the CPU.
     */
    public static long recommendedBytes() {
        return Recommended.BYTES;
    }

    /**
     * Bytes that all models of this process together should hold at most: {@link #limitBytes}, and, unless
     * {@link #setLimit} was called, no more than {@link #recommendedBytes}.
     */
    public static long budgetBytes() {
        return budget(limitBytes(), limitSet, recommendedBytes());
    }

    static long budget(long limit, boolean limitSet, long recommended) {
        return limitSet || recommended == 0 ? limit : Math.min(limit, recommended);
    }

    /** Bytes of the weights of all models that are loaded, or being loaded. */
    public static long weightBytes() {
        return WEIGHTS.get();
    }

    /**
     * Counts a model's weights from before they are loaded until the claim is closed.
     *
     * @param bytes what they will take
     * @throws MlxException if they and what computing needs, an eighth of them but from 16 to 512 MiB, do not fit into
     *     {@link #budgetBytes} beside the weights of other models
     */
    public static WeightClaim claimWeights(long bytes) {
        long budget = budgetBytes();
        long reserve = reserveBytes(bytes);
        long all = WEIGHTS.addAndGet(bytes);
        if (budget > 0 && all + reserve > budget) {
            WEIGHTS.addAndGet(-bytes);
            throw new MlxException(
                    "weights of " + mebibytes(bytes) + " and " + mebibytes(reserve)
                            + " to compute with do not fit: MLX should use at most " + mebibytes(budget)
                            + " here, and the weights of other models take " + mebibytes(all - bytes)
                            + "; close a model, take a smaller or more quantized one, or raise the limit with MlxMemory.setLimit");
        }
        return new WeightClaim(bytes);
    }

    /** Whether {@link #claimWeights} would take them now. */
    public static boolean fits(long bytes) {
        long budget = budgetBytes();
        return budget <= 0 || WEIGHTS.get() + bytes + reserveBytes(bytes) <= budget;
    }

    /** What computing with so many bytes of weights needs at least: an eighth of them, but from 16 to 512 MiB. */
    public static long reserveBytes(long bytes) {
        return Math.clamp(bytes / 8, 16 * MIB, 512 * MIB);
    }

    private static String mebibytes(long bytes) {
        return (bytes + MIB - 1) / MIB + " MiB";
    }

    /** Weights that are counted in {@link #weightBytes}. Closing it again does nothing. Thread-safe. */
    public static final class WeightClaim implements AutoCloseable {
        private final AtomicLong bytes;

        private WeightClaim(long bytes) {
            this.bytes = new AtomicLong(bytes);
        }

        /** Counts what the weights do take, now that they are loaded. */
        public void settle(long actualBytes) {
            WEIGHTS.addAndGet(actualBytes - bytes.getAndSet(actualBytes));
        }

        @Override
        public void close() {
            settle(0);
        }
    }

    /** Forgets the peak. */
    public static void resetPeak() {
        check(MlxC.mlx_reset_peak_memory(), "reset_peak_memory");
    }

    /** Gives freed bytes that MLX keeps for reuse back to the system. */
    public static void clearCache() {
        check(MlxC.mlx_clear_cache(), "clear_cache");
    }

    /**
     * Gives all freed bytes back to the system: those that MLX keeps, and those that the C library keeps. It takes
     * milliseconds, and the next allocations are slower; an {@link MlxThread} does it at its end.
     */
    public static void giveBack() {
        clearCache();
        NativeHeap.trim();
    }

    /** Sets {@link #limitBytes}, for all models of this process, and returns what it was. */
    public static long setLimit(long bytes) {
        positive("memory limit", bytes);
        long before = read(out -> MlxC.mlx_set_memory_limit(out, bytes), "set_memory_limit");
        limitSet = true;
        return before;
    }

    /**
     * Lets MLX keep up to the recommended bytes resident, so that the system does not page weights out between
     * requests, and use no more than them. Once for the process, when its first thread for a GPU starts; without a
     * recommendation nothing happens. Systems that know no wired memory refuse it, which changes nothing else.
     */
    static void fitToDevice() {
        Fitted.DONE.run();
    }

    private static final class Fitted {
        static final Runnable DONE = fit();

        private static Runnable fit() {
            long recommended = recommendedBytes();
            if (recommended > 0) {
                try (Arena arena = Arena.ofConfined()) {
                    long out = arena.allocate(8, 8).address();
                    if (MlxC.mlx_set_wired_limit(out, recommended) != 0) {
                        NativeErrors.take();
                    }
                    if (!limitSet) {
                        check(MlxC.mlx_set_memory_limit(out, recommended), "set_memory_limit");
                    }
                }
            }
            return () -> {};
        }
    }

    private static final class Recommended {
        static final long BYTES = Device.best() == Device.GPU
                ? Device.GPU.info("max_recommended_working_set_size").orElse(0)
                : 0;
    }

    /** Limits the bytes kept for reuse and returns the limit that was; 0 keeps none. */
    public static long setCacheLimit(long bytes) {
        positive("cache limit", bytes);
        return read(out -> MlxC.mlx_set_cache_limit(out, bytes), "set_cache_limit");
    }

    private static void positive(String name, long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException(name + " (" + bytes + " bytes) must not be negative");
        }
    }

    private static long read(LongUnaryOperator call, String operation) {
        NativeErrors.install();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(8, 8);
            check((int) call.applyAsLong(out.address()), operation);
            return out.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    private static void check(int status, String operation) {
        if (status != 0) {
            throw new MlxException(operation + ": " + NativeErrors.take());
        }
    }
}
