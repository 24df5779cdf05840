package dev.langchain4j.mlx.ffi;

import java.lang.invoke.MethodHandle;

/** Our own fused operations for the CPU backend, of {@code native/fused.cpp}. Natives of Linux have them. */
public final class FusedC {
    private static final String RMS_NORM = "langchain4j_mlx_rms_norm";
    private static final String ROPE = "langchain4j_mlx_rope";
    private static final String SILU_TIMES = "langchain4j_mlx_silu_times";
    private static final String SORTED_PRODUCTS = "langchain4j_mlx_sorted_products";
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

    /** Products of rows with the matrices that rising indices choose. */
    public static int sortedProducts(long res, long x, long matrices, long chosen, long stream) {
        try {
            return (int) SortedProducts.HANDLE.invokeExact(res, x, matrices, chosen, stream);
        } catch (Throwable e) {
            throw Downcall.failed(SORTED_PRODUCTS, e);
        }
    }

    private static final class SortedProducts {
        static final MethodHandle HANDLE = Downcall.link(SORTED_PRODUCTS, "JJJJJ)I");
    }

    /** Attention to keys and values of the same batch; without sinks they are 0. */
    public static int attention(
            long res, long queries, long keys, long values, long sinks, float scale, boolean causal, long stream) {
        try {
            return (int) Attention.HANDLE.invokeExact(res, queries, keys, values, sinks, scale, causal, stream);
        } catch (Throwable e) {
            throw Downcall.failed(ATTENTION, e);
        }
    }

    private static final class Attention {
        static final MethodHandle HANDLE = Downcall.link(ATTENTION, "JJJJJFZJ)I");
    }

    /** Attention of each element of the batch to all keys of its own, of vectors; without sinks they are 0. */
    public static int attentionOfEach(
            long res, long queries, long keys, long values, long sinks, float scale, long stream) {
        try {
            return (int) AttentionOfEach.HANDLE.invokeExact(res, queries, keys, values, sinks, scale, stream);
        } catch (Throwable e) {
            throw Downcall.failed(ATTENTION_OF_EACH, e);
        }
    }

    private static final class AttentionOfEach {
        static final MethodHandle HANDLE = Downcall.link(ATTENTION_OF_EACH, "JJJJJFJ)I");
    }
}
