package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import java.util.stream.IntStream;

/** Fused operations of {@code mlx.core.fast}. Lazy, as {@link Ops}. */
public final class Fast {
    /** Dimensions of a head that Metal's kernel for the attention of many queries knows. */
    private static final int[] FUSED_DIMS = {64, 80, 128};

    /** Scores of queries that attend together, where there is no kernel that never stores them. */
    private static final long SCORES_MAX_CPU = 1 << 24;

    private static final long SCORES_MAX_GPU = 1 << 28;

    private static final Compiled SILU_TIMES = Compiled.of(in -> Ops.multiply(Ops.silu(in[0]), in[1]));

    private static final Compiled GELU = Compiled.of(in -> {
        MlxArray twice = Ops.add(Ops.erf(Ops.divide(in[0], Math.sqrt(2))), 1);
        return Ops.divide(Ops.multiply(in[0], twice), 2);
    });

    private static final Compiled GELU_TANH = Compiled.of(in -> {
        MlxArray x = in[0];
        MlxArray inner = Ops.multiply(Ops.add(x, Ops.multiply(cubed(x), 0.044715)), Math.sqrt(2 / Math.PI));
        return Ops.multiply(Ops.multiply(x, 0.5), Ops.add(Ops.tanh(inner), 1));
    });

    private Fast() {}

    /** x / rms(x) * weight over the last dimension; weight may be null. */
    public static MlxArray rmsNorm(MlxArray x, MlxArray weight, float eps) {
        OwnerThread t = OwnerThread.current();
        if (t.sketches) {
            DType type = weight == null ? x.dtype() : Graph.promoted(x.dtype(), weight.dtype());
            return Graph.node(x.shape(), type, x, weight);
        }
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
        if (t.sketches) {
            DType type = weight == null ? x.dtype() : Graph.promoted(x.dtype(), weight.dtype());
            return Graph.node(x.shape(), type, x, weight, bias);
        }
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
        if (t.sketches) {
            return Graph.node(x.shape(), x.dtype(), x, wavelengths);
        }
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
        if (t.sketches) {
            int[] shape = q.shape();
            shape[3] = v.dim(3);
            return Graph.node(shape, q.dtype(), q, k, v, mask, sinks);
        }
        boolean plain = t.cpuFast != null && mask == null;
        MlxArray fused = plain ? t.cpuFast.attention(q, k, v, scale, causal, sinks) : null;
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
     * Whether the causal attention of many queries stores no scores on the current thread's device.
     *
     * @param dim dimensions of a head
     * @param type what queries, keys and values are computed in; null for a type of a GPU's files
     */
    public static boolean isAttentionFused(int dim, DType type) {
        OwnerThread t = OwnerThread.current();
        return t.stream == t.cpuStream
                ? t.cpuFast != null && type == DType.FLOAT32
                : IntStream.of(FUSED_DIMS).anyMatch(fused -> fused == dim);
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
        MlxArray fused = t.cpuFast == null ? null : t.cpuFast.attention(q, k, v, scale, sinks);
        if (fused != null) {
            return fused;
        }
        MlxArray[] attended = Indexing.split(q, k.length, 0);
        for (int i = 0; i < k.length; i++) {
            attended[i] = attention(attended[i], k[i], v[i], scale, false, null, sinks);
        }
        return Indexing.concatenate(0, attended);
    }

    /**
     * softmax(q k' * scale) v, where every query sees every key. Memory grows with the length, not with its square, so
     * that sequences may be as long as a picture has patches.
     *
     * @param q [batch, heads, length, dim], as k and v
     */
    public static MlxArray attentionToAll(MlxArray q, MlxArray k, MlxArray v, float scale) {
        boolean cpu = OwnerThread.current().cpuFast != null;
        int dim = q.dim(3);
        return attentionToAll(q, k, v, scale, cpu ? dim : fusedDim(dim), cpu ? SCORES_MAX_CPU : SCORES_MAX_GPU);
    }

    /**
     * As the other one.
     *
     * @param width dimensions of heads that are attended with, at least those that they have
     * @param scoresMax scores of queries that attend together, unless a single query has more
     */
    static MlxArray attentionToAll(MlxArray q, MlxArray k, MlxArray v, float scale, int width, long scoresMax) {
        int dim = q.dim(3);
        if (width > dim) {
            MlxArray wide =
                    attentionToAll(widened(q, width), widened(k, width), widened(v, width), scale, width, scoresMax);
            return Indexing.slice(wide, 3, 0, dim);
        }
        int length = q.dim(2);
        long scoresOfOne = (long) q.dim(0) * q.dim(1) * k.dim(2);
        int rows = (int) Math.clamp(scoresMax / scoresOfOne, 1, length);
        MlxArray[] parts = new MlxArray[Math.ceilDiv(length, rows)];
        for (int i = 0; i < parts.length; i++) {
            MlxArray some = parts.length == 1 ? q : Indexing.slice(q, 2, i * rows, Math.min(length, (i + 1) * rows));
            parts[i] = attention(some, k, v, scale, false, null, null);
        }
        return parts.length == 1 ? parts[0] : Indexing.concatenate(2, parts);
    }

    /**
     * The dimensions that a head gets, filled up with zeros, so that there is a kernel for it; its own if there is
     * none.
     */
    private static int fusedDim(int dim) {
        for (int fused : FUSED_DIMS) {
            if (dim <= fused) {
                return fused;
            }
        }
        return dim;
    }

    private static MlxArray widened(MlxArray x, int width) {
        return Indexing.pad(x, 3, 0, width - x.dim(3), MlxArray.scalar(0, x.dtype()));
    }

    /** silu(x) * y, for x and y of one shape: a gated layer's activation. */
    public static MlxArray siluTimes(MlxArray x, MlxArray y) {
        OwnerThread t = OwnerThread.current();
        MlxArray fused = t.cpuFast == null ? null : t.cpuFast.siluTimes(x, y);
        return fused != null ? fused : SILU_TIMES.apply(x, y);
    }

    /** x times the share of a normal distribution below x: gelu in its exact form. */
    public static MlxArray gelu(MlxArray x) {
        MlxArray fused = fusedGelu(x, false);
        return fused != null ? fused : GELU.apply(x);
    }

    /** {@link #gelu} in its older form, by a hyperbolic tangent. */
    public static MlxArray geluTanh(MlxArray x) {
        MlxArray fused = fusedGelu(x, true);
        return fused != null ? fused : GELU_TANH.apply(x);
    }

    /** Rounded once, as a power is. */
    private static MlxArray cubed(MlxArray x) {
        MlxArray single = Ops.astype(x, DType.FLOAT32);
        return Ops.astype(Ops.multiply(Ops.multiply(single, single), single), x.dtype());
    }

    private static MlxArray fusedGelu(MlxArray x, boolean byTanh) {
        OwnerThread t = OwnerThread.current();
        return t.cpuFast == null ? null : t.cpuFast.gelu(x, byTanh);
    }
}
