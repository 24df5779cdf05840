package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;

/** Fused operations of {@code mlx.core.fast}. Lazy, as {@link Ops}. */
public final class Fast {
    private Fast() {}

    /** x / rms(x) * weight over the last dimension; weight may be null. */
    public static MlxArray rmsNorm(MlxArray x, MlxArray weight, float eps) {
        OwnerThread t = OwnerThread.current();
        MlxArray fused = t.cpuFast == null ? null : t.cpuFast.rmsNorm(x, weight, eps);
        if (fused != null) {
            return fused;
        }
        return t.result(
                MlxC.mlx_fast_rms_norm(t.out(), t.use(x), t.useOrNone(weight), eps, t.stream), "rms_norm", x, weight);
    }

    /** (x - mean) / deviation * weight + bias over the last dimension; weight and bias may be null. */
    public static MlxArray layerNorm(MlxArray x, MlxArray weight, MlxArray bias, float eps) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_fast_layer_norm(t.out(), t.use(x), t.useOrNone(weight), t.useOrNone(bias), eps, t.stream),
                "layer_norm",
                x,
                weight,
                bias);
    }

    /**
     * Rotary positions: turns the first {@code dims} of the last dimension by angles that grow with the position.
     *
     * @param x [batch, heads, length, dim]
     * @param offsets the first position: one for all, or one for each element of the batch
     */
    public static MlxArray rope(MlxArray x, int dims, boolean traditional, float base, float scale, int... offsets) {
        return rope(x, dims, traditional, base, null, scale, offsets);
    }

    /** Rotary positions with wavelengths given one by one ([dims / 2] singles) instead of a base. */
    public static MlxArray rope(
            MlxArray x, int dims, boolean traditional, MlxArray wavelengths, float scale, int... offsets) {
        return rope(x, dims, traditional, 0, wavelengths, scale, offsets);
    }

    private static MlxArray rope(
            MlxArray x, int dims, boolean traditional, float base, MlxArray wavelengths, float scale, int[] offsets) {
        if (offsets.length != 1 && offsets.length != x.dim(0)) {
            throw new IllegalArgumentException(
                    "offsets (" + offsets.length + ") must be one, or one for each of the batch (" + x.dim(0) + ")");
        }
        OwnerThread t = OwnerThread.current();
        MlxArray fused =
                t.cpuFast == null || traditional ? null : t.cpuFast.rope(x, dims, base, scale, wavelengths, offsets);
        if (fused != null) {
            return fused;
        }
        long optionalBase = wavelengths == null ? Optionals.of(base) : Optionals.NONE;
        int status = offsets.length == 1
                ? MlxC.mlx_fast_rope(
                        t.out(),
                        t.use(x),
                        dims,
                        traditional,
                        optionalBase,
                        scale,
                        offsets[0],
                        t.useOrNone(wavelengths),
                        t.stream)
                : MlxC.mlx_fast_rope_dynamic(
                        t.out(),
                        t.use(x),
                        dims,
                        traditional,
                        optionalBase,
                        scale,
                        t.use(MlxArray.of(offsets, offsets.length)),
                        t.useOrNone(wavelengths),
                        t.stream);
        return t.result(status, "rope", x, wavelengths);
    }

    /**
     * softmax(q k' * scale + mask) v for q [batch, heads, length, dim] and k, v [batch, kvHeads, context, dim].
     *
     * @param causal whether each query sees the keys up to its own position only, counted from the end of the context
     * @param mask added (floats) or kept where true (booleans), broadcast to the scores; null for none
     * @param sinks a logit per head that takes part in the softmax and has no value; null for none
     */
    public static MlxArray attention(
            MlxArray q, MlxArray k, MlxArray v, float scale, boolean causal, MlxArray mask, MlxArray sinks) {
        OwnerThread t = OwnerThread.current();
        boolean plain = t.cpuFast != null && mask == null && sinks == null;
        MlxArray fused = plain ? t.cpuFast.attention(q, new MlxArray[] {k}, new MlxArray[] {v}, scale, causal) : null;
        if (fused != null) {
            return fused;
        }
        String mode = causal ? "causal" : mask != null ? "array" : "";
        return t.result(
                MlxC.mlx_fast_scaled_dot_product_attention(
                        t.out(),
                        t.use(q),
                        t.use(k),
                        t.use(v),
                        scale,
                        OwnerThread.constant(mode),
                        t.useOrNone(mask),
                        t.useOrNone(sinks),
                        false,
                        t.stream),
                "scaled_dot_product_attention",
                q,
                k,
                v);
    }

    /**
     * Attention of a position of each of several sequences to all keys of its own.
     *
     * @param q [sequences, heads, 1, dim]
     * @param k the keys of each, [1, heads of keys, context, dim]
     * @param v the values of each, [1, heads of keys, context, dim of values]
     * @param sinks a logit per head that takes part in the softmax and has no value; null for none
     * @return [sequences, heads, 1, dim of values]
     */
    public static MlxArray attention(MlxArray q, MlxArray[] k, MlxArray[] v, float scale, MlxArray sinks) {
        OwnerThread t = OwnerThread.current();
        MlxArray fused = t.cpuFast != null && sinks == null ? t.cpuFast.attention(q, k, v, scale, false) : null;
        if (fused != null) {
            return fused;
        }
        MlxArray[] attended = Indexing.split(q, k.length, 0);
        for (int i = 0; i < k.length; i++) {
            attended[i] = attention(attended[i], k[i], v[i], scale, false, null, sinks);
        }
        return Indexing.concatenate(0, attended);
    }

    /** silu(x) * y, for x and y of one shape: a gated layer's activation. */
    public static MlxArray siluTimes(MlxArray x, MlxArray y) {
        OwnerThread t = OwnerThread.current();
        MlxArray fused = t.cpuFast == null ? null : t.cpuFast.siluTimes(x, y);
        return fused != null ? fused : Ops.multiply(Ops.silu(x), y);
    }

    /** x times the share of a normal distribution below x: gelu in its exact form. */
    public static MlxArray gelu(MlxArray x) {
        OwnerThread t = OwnerThread.current();
        MlxArray composed = t.cpuFast == null ? null : t.cpuFast.gelu(x);
        if (composed != null) {
            return composed;
        }
        MlxArray twice = Ops.add(Ops.erf(Ops.divide(x, Math.sqrt(2))), 1);
        return Ops.divide(Ops.multiply(x, twice), 2);
    }
}
