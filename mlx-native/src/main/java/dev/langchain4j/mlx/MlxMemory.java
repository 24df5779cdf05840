package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.NativeErrors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.LongUnaryOperator;

/** What MLX's allocator holds and may hold, for the whole process. May be called from any thread. */
public final class MlxMemory {
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

    /** Forgets the peak. */
    public static void resetPeak() {
        check(MlxC.mlx_reset_peak_memory(), "reset_peak_memory");
    }

    /** Gives freed bytes back to the system. */
    public static void clearCache() {
        check(MlxC.mlx_clear_cache(), "clear_cache");
    }

    /** Sets {@link #limitBytes} and returns what it was. */
    public static long setLimit(long bytes) {
        positive("memory limit", bytes);
        return read(out -> MlxC.mlx_set_memory_limit(out, bytes), "set_memory_limit");
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
