package dev.langchain4j.mlx.ffi;

import java.lang.invoke.MethodHandle;

/** Our own fused operations for the CPU backend, of {@code native/fused.cpp}. Natives of Linux have them. */
public final class FusedC {
    private static final String RMS_NORM = "langchain4j_mlx_rms_norm";
    private static final String ROPE = "langchain4j_mlx_rope";
    private static final String SILU_TIMES = "langchain4j_mlx_silu_times";
    private static final String ATTENTION = "langchain4j_mlx_attention";
    private static final String ATTENTION_OF_EACH = "langchain4j_mlx_attention_of_each";

    private FusedC() {}

    /** Whether the loaded library has them. */
    public static boolean exist() {
        return NativeLibrary.mlx().find(RMS_NORM).isPresent();
    }

    /** x / rms(x) * weight over the last dimension. */
    public static int rmsNorm(long res, long x, long weight, float eps, long stream) {
        try {
            return (int) RmsNorm.HANDLE.invokeExact(res, x, weight, eps, stream);
        } catch (Throwable e) {
            throw Downcall.failed(RMS_NORM, e);
        }
    }

    private static final class RmsNorm {
        static final MethodHandle HANDLE = Downcall.link(RMS_NORM, "JJJFJ)I");
    }

    /** Turns x [batch, heads, length, dim] by tables of cosines and sines. */
    public static int rope(long res, long x, long cosines, long sines, long stream) {
        try {
            return (int) Rope.HANDLE.invokeExact(res, x, cosines, sines, stream);
        } catch (Throwable e) {
            throw Downcall.failed(ROPE, e);
        }
    }

    private static final class Rope {
        static final MethodHandle HANDLE = Downcall.link(ROPE, "JJJJJ)I");
    }

    /** silu(x) * y. */
    public static int siluTimes(long res, long x, long y, long stream) {
        try {
            return (int) SiluTimes.HANDLE.invokeExact(res, x, y, stream);
        } catch (Throwable e) {
            throw Downcall.failed(SILU_TIMES, e);
        }
    }

    private static final class SiluTimes {
        static final MethodHandle HANDLE = Downcall.link(SILU_TIMES, "JJJJ)I");
    }

    /** Attention to keys and values of the same batch. */
    public static int attention(
            long res, long queries, long keys, long values, float scale, boolean causal, long stream) {
        try {
            return (int) Attention.HANDLE.invokeExact(res, queries, keys, values, scale, causal, stream);
        } catch (Throwable e) {
            throw Downcall.failed(ATTENTION, e);
        }
    }

    private static final class Attention {
        static final MethodHandle HANDLE = Downcall.link(ATTENTION, "JJJJFZJ)I");
    }

    /** Attention of each element of the batch to all keys of its own, of vectors. */
    public static int attentionOfEach(long res, long queries, long keys, long values, float scale, long stream) {
        try {
            return (int) AttentionOfEach.HANDLE.invokeExact(res, queries, keys, values, scale, stream);
        } catch (Throwable e) {
            throw Downcall.failed(ATTENTION_OF_EACH, e);
        }
    }

    private static final class AttentionOfEach {
        static final MethodHandle HANDLE = Downcall.link(ATTENTION_OF_EACH, "JJJJFJ)I");
    }
}
