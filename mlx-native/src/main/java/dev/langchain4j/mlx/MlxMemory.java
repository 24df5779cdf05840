package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.NativeErrors;
import dev.langchain4j.mlx.ffi.NativeHeap;
import dev.langchain4j.mlx.ffi.ProcessMemory;
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
    private static volatile boolean freedLimitSet;
    /** 0 if none was set. */
    private static volatile long footprintLimit;

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

    /** The limits that suit the device of this process, whatever the application has set. */
    public static MemoryLimits limits() {
        return Machine.LIMITS;
    }

    /**
     * Bytes that all models of this process together may hold at most: {@link #limitBytes} if {@link #setLimit} was
     * called, else what suits the device: {@link MemoryLimits#budgetBytes}.
     */
    public static long budgetBytes() {
        return limitSet ? limitBytes() : limits().budgetBytes();
    }

    /**
     * Bytes that the operating system counts for this process: the Java heap, all native memory, and that of the GPU
     * where both share it; no files that are only read. 0 if the system does not say.
     */
    public static long footprintBytes() {
        return ProcessMemory.footprintBytes();
    }

    /**
     * Bytes of {@link #footprintBytes} above which prompt caches give way, and new requests and models are refused:
     * what {@link #setFootprintLimit} says, else what suits the device: {@link MemoryLimits#footprintBytes}.
     */
    public static long footprintLimitBytes() {
        return footprintLimit > 0 ? footprintLimit : limits().footprintBytes();
    }

    /**
     * Sets {@link #footprintLimitBytes}; {@link Long#MAX_VALUE} for none.
     *
     * @throws IllegalArgumentException if it is not positive
     */
    public static void setFootprintLimit(long bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("footprint limit (" + bytes + " bytes) must be positive");
        }
        footprintLimit = bytes;
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
            throw new MlxException("weights of " + mebibytes(bytes) + " and " + mebibytes(reserve)
                    + " to compute with do not fit: MLX may use at most " + mebibytes(budget)
                    + " here, and the weights of other models take " + mebibytes(all - bytes)
                    + "; close a model, take a smaller or more quantized one, or raise the limit with"
                    + " MlxMemory.setLimit");
        }
        return new WeightClaim(bytes);
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

    /**
     * Gives freed bytes that MLX keeps for reuse back to the system. Does nothing once a thread was given up in a
     * native call that does not return: MLX would wait for it.
     */
    public static void clearCache() {
        if (!MlxThread.isAnyAbandoned()) {
            check(MlxC.mlx_clear_cache(), "clear_cache");
        }
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
        limits();
        long before = setMemoryLimit(bytes);
        limitSet = true;
        return before;
    }

    private static long setMemoryLimit(long bytes) {
        return read(out -> MlxC.mlx_set_memory_limit(out, bytes), "set_memory_limit");
    }

    /**
     * Gives MLX the limits of the device, those that the application has not set. Up to the wired limit MLX keeps
     * memory resident, so that the system does not page weights out between requests. Once for the process, when its
     * first thread starts. Systems that know no wired memory refuse it, which changes nothing else.
     */
    static void fitToDevice() {
        Fitted.DONE.run();
    }

    private static final class Fitted {
        static final Runnable DONE = fit();

        private static Runnable fit() {
            MemoryLimits limits = limits();
            if (limits.wiredBytes() > 0) {
                try (Arena arena = Arena.ofConfined()) {
                    if (MlxC.mlx_set_wired_limit(arena.allocate(8, 8).address(), limits.wiredBytes()) != 0) {
                        NativeErrors.take();
                    }
                }
            }
            if (!limitSet) {
                setMemoryLimit(limits.budgetBytes());
            }
            if (!freedLimitSet) {
                setFreedLimit(limits.freedBytes());
            }
            return () -> {};
        }
    }

    /** The machine of this process, as it was before any limit was set. */
    private static final class Machine implements MemoryDevice {
        static final MemoryLimits LIMITS = MemoryLimits.of(new Machine());

        private final boolean gpu = Device.best() == Device.GPU;

        @Override
        public long recommendedBytes() {
            return gpu ? Device.GPU.info("max_recommended_working_set_size").orElseGet(MlxMemory::limitBytes) : 0;
        }

        @Override
        public boolean sharesMemory() {
            return !gpu || Device.GPU.info("max_recommended_working_set_size").isPresent();
        }

        @Override
        public long memoryBytes() {
            long machine = ProcessMemory.machineBytes();
            if (machine == 0) {
                // without a number of the device, MLX limits itself to four fifths of the memory
                machine = Device.GPU.info("memory_size").orElseGet(() -> limitBytes() / 4 * 5);
            }
            return Math.min(machine, ContainerMemory.limitBytes());
        }

        @Override
        public long buffersMax() {
            return gpu ? Device.GPU.info("resource_limit").orElse(0) : 0;
        }
    }

    /** Limits the bytes kept for reuse and returns the limit that was; 0 keeps none. */
    public static long setCacheLimit(long bytes) {
        positive("cache limit", bytes);
        freedLimitSet = true;
        return setFreedLimit(bytes);
    }

    private static long setFreedLimit(long bytes) {
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
