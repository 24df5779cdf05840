package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What {@link Fast} does on the CPU, for which MLX has no fused kernels: it puts each fused operation together from up to
 * twenty plain ones, again for each layer. These compositions compute the same numbers in single precision from fewer
 * operations, and what all layers of a step have in common once. Whatever does not fit is left to MLX.
 *
 * <p>One per thread. The constants and tables that it keeps between steps are the thread's own: they are freed with it and
 * not counted as handles of anybody.
 */
final class CpuFast {
    private static final int TABLES_MAX = 4;
    private static final int MASKS_MAX = 8;
    /** Queries that are masked together: fewer waste less on keys that they do not see, more make better products. */
    private static final int BLOCK = 128;

    /** Elements from which on powers are worth that they take more operations than MLX's own exponentials. */
    private static final int POWERS_FROM = 1024;

    private static final float LOG2_E = 1.442695041f;
    private static final float ONE_BY_E = 0.367879441f;
    private static final float ROOT_OF_ONE_BY_E = 0.606530660f;

    /** Of the tail of the normal distribution: 0.3275911 by the root of two, and halves of a5 to a1. */
    private static final float TAIL_P = 0.231641888f;

    private static final float[] TAIL = {0.5307027145f, -0.7265760135f, 0.7107068705f, -0.142248368f, 0.127414796f};

    /** A number as an array of that many dimensions, all of length one. */
    private record Constant(float value, int ndim, long handle) {}

    /** What queries at the end of a context do not see. */
    private record Mask(int length, int context, long handle) {}

    /**
     * Cosines and sines of the positions from each offset on, [length, dims], or [batch, 1, length, dims] of several offsets;
     * the sines of the first half negated.
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
    private final List<Mask> masks = new ArrayList<>();

    CpuFast(OwnerThread thread) {
        this.t = thread;
    }

    private static boolean isSingle(MlxArray x) {
        return x.dtype() == DType.FLOAT32;
    }

    /** x * rsqrt(mean(x * x) + eps) * weight; null if that is left to MLX. */
    MlxArray rmsNorm(MlxArray x, MlxArray weight, float eps) {
        if (weight == null || !isSingle(x) || !isSingle(weight)) {
            return null;
        }
        int ndim = x.ndim();
        MlxArray sum = Ops.sum(Ops.square(x), -1, true);
        MlxArray mean = times(sum, constant(1f / x.dim(-1), ndim));
        MlxArray spread = Ops.rsqrt(plus(mean, constant(eps, ndim)));
        return Ops.multiply(Ops.multiply(x, spread), weight);
    }

    /** Halves of the first {@code dims} dimensions turned against each other; null if that is left to MLX. */
    MlxArray rope(MlxArray x, int dims, float base, float scale, MlxArray wavelengths, int[] offsets) {
        if (!isSingle(x) || x.ndim() != 4 || dims % 2 != 0 || dims > x.dim(3)) {
            return null;
        }
        int[] shape = x.shape();
        Turns turns = turns(dims, base, scale, wavelengths, offsets, shape[2]);
        MlxArray turning = shape[3] == dims ? x : part(x, shape, 0, dims);
        MlxArray swapped = Indexing.concatenate(3, part(x, shape, dims / 2, dims), part(x, shape, 0, dims / 2));
        MlxArray turned = Ops.add(times(turning, turns.cosines), times(swapped, turns.sines));
        return shape[3] == dims ? turned : Indexing.concatenate(3, turned, part(x, shape, dims, shape[3]));
    }

    private static MlxArray part(MlxArray x, int[] shape, int from, int to) {
        return Indexing.slice(x, new int[] {0, 0, 0, from}, new int[] {shape[0], shape[1], shape[2], to});
    }

    /** x / (1 + exp(-x)); null if that is left to MLX. */
    MlxArray silu(MlxArray x) {
        return isSingle(x) && x.size() >= POWERS_FROM ? Ops.divide(x, plus(power(ONE_BY_E, x), constant(1, 1))) : null;
    }

    /**
     * Attention of positions to all keys, or, if causal, to those up to their own. The queries of a group read their keys
     * and values in one product each, not once a query. Null if that is left to MLX.
     */
    MlxArray attention(MlxArray q, MlxArray k, MlxArray v, float scale, boolean causal) {
        if (!isSingle(q) || !isSingle(k) || !isSingle(v) || q.ndim() != 4) {
            return null;
        }
        int[] shape = q.shape();
        int kvHeads = k.dim(1);
        int context = k.dim(2);
        int length = shape[2];
        if (shape[1] % kvHeads != 0 || length > context) {
            return null;
        }
        if (length == 1 && isFew(shape[1], context)) {
            MlxArray grouped = grouped(times(q, constant(scale, 4)), shape, kvHeads);
            return Indexing.reshape(attendToFew(grouped, k, v), shape[0], shape[1], 1, v.dim(3));
        }
        MlxArray scaled = times(q, constant(scale * LOG2_E, 4));
        if (length == 1) {
            MlxArray attended = attendToMany(grouped(scaled, shape, kvHeads), k, v);
            return Indexing.reshape(attended, shape[0], shape[1], 1, v.dim(3));
        }
        MlxArray[] blocks = new MlxArray[Math.ceilDiv(length, BLOCK)];
        for (int i = 0; i < blocks.length; i++) {
            int from = i * BLOCK;
            int to = Math.min(length, from + BLOCK);
            int seen = causal ? context - length + to : context;
            blocks[i] = attend(
                    positions(scaled, from, to),
                    positions(k, 0, seen),
                    positions(v, 0, seen),
                    shape[1] / kvHeads,
                    causal ? causal(to - from, seen) : 0);
        }
        return blocks.length == 1 ? blocks[0] : Indexing.concatenate(2, blocks);
    }

    /**
     * max(x, 0) - |x| Q(|x|), where Q is the share of a normal distribution above a number: a polynomial of
     * 1 / (1 + p |x|) times a power, right to 1e-7 (Abramowitz and Stegun 7.1.26, which MLX's erf computes, too, with its
     * slower exponential). Null if that is left to MLX.
     */
    MlxArray gelu(MlxArray x) {
        if (!isSingle(x) || x.size() < POWERS_FROM) {
            return null;
        }
        MlxArray size = Ops.abs(x);
        MlxArray r = Ops.reciprocal(plus(times(size, constant(TAIL_P, 1)), constant(1, 1)));
        MlxArray tail = times(r, constant(TAIL[0], 1));
        for (int i = 1; i < TAIL.length; i++) {
            tail = Ops.multiply(plus(tail, constant(TAIL[i], 1)), r);
        }
        tail = Ops.multiply(Ops.multiply(tail, power(ROOT_OF_ONE_BY_E, Ops.square(x))), size);
        return Ops.subtract(
                t.result(MlxC.mlx_maximum(t.out(), t.use(x), constant(0, 1), t.stream), "maximum", x), tail);
    }

    private static MlxArray positions(MlxArray x, int from, int to) {
        int[] shape = x.shape();
        return Indexing.slice(x, new int[] {0, 0, from, 0}, new int[] {shape[0], shape[1], to, shape[3]});
    }

    /**
     * Attention of one position of each of several sequences to all its keys, with the operations that a single one has.
     * Null if that is left to MLX.
     */
    MlxArray attention(MlxArray q, MlxArray[] k, MlxArray[] v, float scale) {
        if (!isSingle(q) || !isSingle(k[0]) || !isSingle(v[0])) {
            return null;
        }
        int[] shape = q.shape();
        int kvHeads = k[0].dim(1);
        MlxArray[] few = null;
        MlxArray[] many = null;
        MlxArray[] attended = new MlxArray[k.length];
        for (int i = 0; i < k.length; i++) {
            if (isFew(shape[1], k[i].dim(2))) {
                few = few == null ? rows(q, scale, shape, kvHeads) : few;
                attended[i] = attendToFew(few[i], k[i], v[i]);
            } else {
                many = many == null ? rows(q, scale * LOG2_E, shape, kvHeads) : many;
                attended[i] = attendToMany(many[i], k[i], v[i]);
            }
        }
        return Indexing.reshape(Indexing.concatenate(0, attended), shape[0], shape[1], 1, v[0].dim(3));
    }

    private MlxArray[] rows(MlxArray q, float factor, int[] shape, int kvHeads) {
        return Indexing.split(grouped(times(q, constant(factor, 4)), shape, kvHeads), shape[0], 0);
    }

    private static boolean isFew(int heads, int context) {
        return (long) heads * context < POWERS_FROM;
    }

    /** The queries of a group as rows, [batch, heads of keys, group * length, dim]. */
    private static MlxArray grouped(MlxArray q, int[] shape, int kvHeads) {
        return Indexing.reshape(q, shape[0], kvHeads, shape[1] / kvHeads * shape[2], shape[3]);
    }

    private static MlxArray attendToFew(MlxArray grouped, MlxArray k, MlxArray v) {
        MlxArray scores = Ops.matmul(grouped, Indexing.swapAxes(k, 2, 3));
        return Ops.matmul(Ops.softmax(scores, -1, true), v);
    }

    private MlxArray attendToMany(MlxArray grouped, MlxArray k, MlxArray v) {
        return weighted(Ops.matmul(grouped, Indexing.swapAxes(k, 2, 3)), v);
    }

    /**
     * softmax(q k' + mask) v, with powers of two: what q is multiplied by makes up for it.
     *
     * @param mask added to the scores, [length, context]; 0 for none
     */
    private MlxArray attend(MlxArray q, MlxArray k, MlxArray v, int group, long mask) {
        int[] shape = q.shape();
        int kvHeads = shape[1] / group;
        int rows = group * shape[2];
        MlxArray scores = Ops.matmul(grouped(q, shape, kvHeads), Indexing.swapAxes(k, 2, 3));
        if (mask != 0) {
            int context = k.dim(2);
            MlxArray split = Indexing.reshape(scores, shape[0], kvHeads, group, shape[2], context);
            scores = Indexing.reshape(plus(split, mask), shape[0], kvHeads, rows, context);
        }
        return Indexing.reshape(weighted(scores, v), shape[0], shape[1], shape[2], v.dim(3));
    }

    /** Sums of values. The sums of weights divide the few numbers that come out, not the many scores. */
    private MlxArray weighted(MlxArray scores, MlxArray v) {
        MlxArray weights = power(2, Ops.subtract(scores, Ops.max(scores, -1, true)));
        return Ops.divide(Ops.matmul(weights, v), Ops.sum(weights, -1, true));
    }

    /** 0 where a position sees a key and minus infinity where not; the last position sees all. */
    private long causal(int length, int context) {
        for (Mask mask : masks) {
            if (mask.length == length && mask.context == context) {
                return mask.handle;
            }
        }
        MlxArray own = Indexing.reshape(Indexing.arange(0, length, DType.FLOAT32), length, 1);
        MlxArray hidden = Ops.less(own, Indexing.arange(0, length, DType.FLOAT32));
        MlxArray made = Ops.where(
                hidden, MlxArray.scalar(Double.NEGATIVE_INFINITY, DType.FLOAT32), MlxArray.scalar(0, DType.FLOAT32));
        if (context > length) {
            // what lies before the first of these positions is seen by all: zeros cost less than comparisons
            made = Indexing.concatenate(1, Indexing.zeros(DType.FLOAT32, length, context - length), made);
        }
        if (masks.size() == MASKS_MAX) {
            MlxC.mlx_array_free(masks.removeFirst().handle);
        }
        long handle = made.surrender();
        masks.add(new Mask(length, context, handle));
        return handle;
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
        masks.forEach(mask -> MlxC.mlx_array_free(mask.handle));
        masks.clear();
    }
}
