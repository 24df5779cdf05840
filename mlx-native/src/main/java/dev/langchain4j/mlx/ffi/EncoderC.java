package dev.langchain4j.mlx.ffi;

import java.lang.invoke.MethodHandle;

/**
 * Our own operations of text encoders for the CPU backend, of {@code native/encoder.cpp}. Natives that have
 * {@link FusedC} have them.
 */
public final class EncoderC {
    private static final String ADD_LAYER_NORM = "langchain4j_mlx_add_layer_norm";
    private static final String GELU = "langchain4j_mlx_gelu";
    private static final String ATTENTION = "langchain4j_mlx_texts_attention";

    private EncoderC() {}

    /** The layer norm of a sum; added may be 0 for nothing. */
    public static int addLayerNorm(long res, long x, long added, long weight, long bias, float eps, long stream) {
        try {
            return (int) AddLayerNorm.HANDLE.invokeExact(res, x, added, weight, bias, eps, stream);
        } catch (Throwable e) {
            throw Downcall.failed(ADD_LAYER_NORM, e);
        }
    }

    private static final class AddLayerNorm {
        static final MethodHandle HANDLE = Downcall.link(ADD_LAYER_NORM, "JJJJJFJ)I");
    }

    /** gelu of each number, exact or by a hyperbolic tangent. */
    public static int gelu(long res, long x, boolean byTanh, long stream) {
        try {
            return (int) Gelu.HANDLE.invokeExact(res, x, byTanh, stream);
        } catch (Throwable e) {
            throw Downcall.failed(GELU, e);
        }
    }

    private static final class Gelu {
        static final MethodHandle HANDLE = Downcall.link(GELU, "JJZJ)I");
    }

    /** Attention within texts that lie in a row; lengths is an address of ints. */
    public static int attention(long res, long qkv, long lengths, long texts, int heads, float scale, long stream) {
        try {
            return (int) Attention.HANDLE.invokeExact(res, qkv, lengths, texts, heads, scale, stream);
        } catch (Throwable e) {
            throw Downcall.failed(ATTENTION, e);
        }
    }

    private static final class Attention {
        static final MethodHandle HANDLE = Downcall.link(ATTENTION, "JJJJIFJ)I");
    }
}
