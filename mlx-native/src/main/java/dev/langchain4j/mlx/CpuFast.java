package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.EncoderC;
import dev.langchain4j.mlx.ffi.FusedC;
import dev.langchain4j.mlx.ffi.MlxC;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What {@link Fast} does on the CPU, for which MLX has no fused kernels: it puts each fused operation together from up
 * to twenty plain ones, again for each layer. Ours, of {@code native/fused.cpp} and {@code native/encoder.cpp}, are one
 * node each and use several threads; what all layers of a step have in common is computed once. Numbers of single
 * precision only: the rest is left to MLX.
 *
 * <p>One per thread. The constants and tables that it keeps between steps are the thread's own: they are freed with it
 * and not counted as handles of anybody.
 */
final class CpuFast {
    private static final int TABLES_MAX = 4;

    /** Elements from which on powers are worth that they take more operations than MLX's own exponentials. */
    private static final int POWERS_FROM = 1024;

    private static final float ONE_BY_E = 0.367879441f;

    /** A number as an array of that many dimensions, all of length one. */
    private record Constant(float value, int ndim, long handle) {}

    /**
     * Cosines and sines of the positions from each offset on, [length, dims], or [batch, 1, length, dims] of several
     * offsets; the sines of the first half negated.
     */
    private static final class Turns {
        private final int dims;
        private final float base;
        private final float scale;
        private final MlxArray wavelengths;
        private final long frequencies;
        private int[] offsets;
        private int length;
        private long cosines;
        private long sines;

        private Turns(int dims, float base, float scale, MlxArray wavelengths, long frequencies) {
            this.dims = dims;
            this.base = base;
            this.scale = scale;
            this.wavelengths = wavelengths;
            this.frequencies = frequencies;
        }

        private boolean are(int ofDims, float ofBase, float ofScale, MlxArray ofWavelengths) {
            return dims == ofDims && base == ofBase && scale == ofScale && wavelengths == ofWavelengths;
        }

        private void freeTables() {
            if (cosines != 0) {
                MlxC.mlx_array_free(cosines);
                MlxC.mlx_array_free(sines);
                cosines = 0;
                sines = 0;
            }
        }

        private void free() {
            freeTables();
            MlxC.mlx_array_free(frequencies);
        }
    }

    private final OwnerThread t;
    private final List<Constant> constants = new ArrayList<>();
    private final List<Turns> tables = new ArrayList<>();

    CpuFast(OwnerThread thread) {
        this.t = thread;
    }

    private static boolean isSingle(MlxArray x) {
        return x.dtype() == DType.FLOAT32;
    }

    /** x / rms(x) * weight; null if that is left to MLX. */
    MlxArray rmsNorm(MlxArray x, MlxArray weight, float eps) {
        if (weight == null || !isSingle(x) || !isSingle(weight)) {
            return null;
        }
        return t.result(FusedC.rmsNorm(t.out(), t.use(x), t.use(weight), eps, t.stream), "rms_norm", x, weight);
    }

    /** Halves of the first {@code dims} dimensions turned against each other; null if that is left to MLX. */
    MlxArray rope(MlxArray x, int dims, float base, float scale, MlxArray wavelengths, int[] offsets) {
        if (!isSingle(x) || x.ndim() != 4 || dims % 2 != 0 || dims > x.dim(3)) {
            return null;
        }
        Turns turns = turns(dims, base, scale, wavelengths, offsets, x.dim(2));
        return t.result(FusedC.rope(t.out(), t.use(x), turns.cosines, turns.sines, t.stream), "rope", x);
    }

    /** silu(x) * y; null if that is left to MLX. */
    MlxArray siluTimes(MlxArray x, MlxArray y) {
        if (!isSingle(x) || !isSingle(y) || !Arrays.equals(x.shape(), y.shape())) {
            return null;
        }
        return t.result(FusedC.siluTimes(t.out(), t.use(x), t.use(y), t.stream), "silu_times", x, y);
    }

    /** Products of rows [rows, 1, in] with the matrices that rising indices choose; null if that is left to MLX. */
    MlxArray sortedProducts(MlxArray x, MlxArray matrices, MlxArray chosen) {
        boolean rows = x.ndim() == 3 && x.dim(1) == 1 && chosen.ndim() == 1 && chosen.dim(0) == x.dim(0);
        if (!rows || !isSingle(x) || !isSingle(matrices) || chosen.dtype() != DType.UINT32 || x.dim(0) == 0) {
            return null;
        }
        int status = FusedC.sortedProducts(t.out(), t.use(x), t.use(matrices), t.use(chosen), t.stream);
        return t.result(status, "sorted_products", x, matrices, chosen);
    }

    /** x / (1 + exp(-x)); null if that is left to MLX. */
    MlxArray silu(MlxArray x) {
        return isSingle(x) && x.size() >= POWERS_FROM ? Ops.divide(x, plus(power(ONE_BY_E, x), constant(1, 1))) : null;
    }

    /** gelu, exact or by a hyperbolic tangent; null if that is left to MLX. */
    MlxArray gelu(MlxArray x, boolean byTanh) {
        return isSingle(x) ? t.result(EncoderC.gelu(t.out(), t.use(x), byTanh, t.stream), "gelu", x) : null;
    }

    /**
     * Attention of queries [batch, heads, length, dim] to keys and values of the same batch. Null if that is left to
     * MLX.
     *
     * @param causal whether each query sees the keys up to its own position only, counted from the end of the context
     * @param sinks a logit per head that has no value; null for none
     */
    MlxArray attention(MlxArray q, MlxArray k, MlxArray v, float scale, boolean causal, MlxArray sinks) {
        if (!areAttended(q, k, v, sinks)) {
            return null;
        }
        int status =
                FusedC.attention(t.out(), t.use(q), t.use(k), t.use(v), t.useOrNone(sinks), scale, causal, t.stream);
        return t.result(status, "attention", q, k, v);
    }

    /** Attention of each element of the batch to all keys of its own. Null if that is left to MLX. */
    MlxArray attention(MlxArray q, MlxArray[] k, MlxArray[] v, float scale, MlxArray sinks) {
        if (!areAttended(q, k[0], v[0], sinks)) {
            return null;
        }
        long keys = t.vector(k);
        try {
            long values = t.vector(v);
            try {
                int status =
                        FusedC.attentionOfEach(t.out(), t.use(q), keys, values, t.useOrNone(sinks), scale, t.stream);
                return t.result(status, "attention", q, k[0], v[0]);
            } finally {
                MlxC.mlx_vector_array_free(values);
            }
        } finally {
            MlxC.mlx_vector_array_free(keys);
        }
    }

    private static boolean areAttended(MlxArray q, MlxArray k, MlxArray v, MlxArray sinks) {
        boolean single = isSingle(q) && isSingle(k) && isSingle(v) && (sinks == null || isSingle(sinks));
        return single && q.dim(2) <= k.dim(2);
    }

    /** A number to the power of x. MLX's exp takes three times as long on this backend. */
    private MlxArray power(float base, MlxArray x) {
        return t.result(MlxC.mlx_power(t.out(), constant(base, 1), t.use(x), t.stream), "power", x);
    }

    private MlxArray times(MlxArray a, long b) {
        return t.result(MlxC.mlx_multiply(t.out(), t.use(a), b, t.stream), "multiply", a);
    }

    private MlxArray plus(MlxArray a, long b) {
        return t.result(MlxC.mlx_add(t.out(), t.use(a), b, t.stream), "add", a);
    }

    private long constant(float value, int ndim) {
        for (Constant constant : constants) {
            if (constant.value == value && constant.ndim == ndim) {
                return constant.handle;
            }
        }
        int[] ones = t.steps(ndim);
        long handle = MlxArray.of(new float[] {value}, ones).surrender();
        constants.add(new Constant(value, ndim, handle));
        return handle;
    }

    private Turns turns(int dims, float base, float scale, MlxArray wavelengths, int[] offsets, int length) {
        Turns found = null;
        for (Turns turns : tables) {
            if (turns.are(dims, base, scale, wavelengths)) {
                found = turns;
            }
        }
        if (found == null) {
            if (tables.size() == TABLES_MAX) {
                tables.removeFirst().free();
            }
            found = new Turns(dims, base, scale, wavelengths, frequencies(dims, base, wavelengths));
            tables.add(found);
        }
        if (found.cosines == 0 || found.length != length || !Arrays.equals(found.offsets, offsets)) {
            MlxArray positions = positions(offsets, length);
            if (scale != 1) {
                positions = times(positions, constant(scale, 1));
            }
            MlxArray angles = times(positions, found.frequencies);
            MlxArray cosines = Ops.cos(angles);
            MlxArray sines = Ops.sin(angles);
            found.freeTables();
            found.cosines = cosines.surrender();
            found.sines = sines.surrender();
            found.offsets = offsets.clone();
            found.length = length;
        }
        return found;
    }

    private static MlxArray positions(int[] offsets, int length) {
        if (offsets.length == 1) {
            MlxArray positions = Indexing.arange(offsets[0], (double) offsets[0] + length, DType.FLOAT32);
            return length > 1 ? Indexing.reshape(positions, length, 1) : positions;
        }
        float[] numbers = new float[offsets.length * length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = offsets[i / length] + i % length;
        }
        return MlxArray.of(numbers, offsets.length, 1, length, 1);
    }

    /** Turns a position of each dimension, those of the first half negated: cosines do not mind, sines turn around. */
    private long frequencies(int dims, float base, MlxArray wavelengths) {
        MlxArray each;
        if (wavelengths == null) {
            int half = dims / 2;
            MlxArray exponents = MlxArray.of(descending(half), half);
            float factor = (float) Math.log(base) / half;
            each = Ops.exp(times(exponents, constant(factor, 1)));
        } else {
            each = Ops.reciprocal(wavelengths);
        }
        return Indexing.concatenate(0, Ops.negative(each), each).eval().surrender();
    }

    private static float[] descending(int count) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = -i;
        }
        return numbers;
    }

    /** Frees what is kept between steps. */
    void free() {
        constants.forEach(constant -> MlxC.mlx_array_free(constant.handle));
        constants.clear();
        tables.forEach(Turns::free);
        tables.clear();
    }
}
