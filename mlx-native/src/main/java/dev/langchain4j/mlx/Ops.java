package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import java.util.Arrays;

/**
 * Arithmetic, comparisons, reductions and products. All of them are lazy: they build a graph that is computed by
 * {@link Eval}. Arrays broadcast as in NumPy; types promote as in MLX. Failures are {@link MlxException}s that name
 * the operation and the shapes.
 */
public final class Ops {
    private static final Compiled SILU = Compiled.of(in -> multiply(in[0], sigmoid(in[0])));

    private Ops() {}

    /** Absolute value. */
    public static MlxArray abs(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_abs(t.out(), t.use(a), t.stream), "abs", a);
    }

    /** Cosine. */
    public static MlxArray cos(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_cos(t.out(), t.use(a), t.stream), "cos", a);
    }

    /** Error function. */
    public static MlxArray erf(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_erf(t.out(), t.use(a), t.stream), "erf", a);
    }

    /** Exponential. */
    public static MlxArray exp(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_exp(t.out(), t.use(a), t.stream), "exp", a);
    }

    /** exp(a) - 1. */
    public static MlxArray expm1(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_expm1(t.out(), t.use(a), t.stream), "expm1", a);
    }

    /** Largest integer not above. */
    public static MlxArray floor(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_floor(t.out(), t.use(a), t.stream), "floor", a);
    }

    /** Whether infinite. */
    public static MlxArray isinf(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_isinf(t.out(), t.use(a), t.stream), "isinf", a);
    }

    /** Whether not a number. */
    public static MlxArray isnan(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_isnan(t.out(), t.use(a), t.stream), "isnan", a);
    }

    /** Natural logarithm. */
    public static MlxArray log(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_log(t.out(), t.use(a), t.stream), "log", a);
    }

    /** log(1 + a). */
    public static MlxArray log1p(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_log1p(t.out(), t.use(a), t.stream), "log1p", a);
    }

    /** Minus a. */
    public static MlxArray negative(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_negative(t.out(), t.use(a), t.stream), "negative", a);
    }

    /** 1 / a. */
    public static MlxArray reciprocal(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_reciprocal(t.out(), t.use(a), t.stream), "reciprocal", a);
    }

    /** 1 / sqrt(a). */
    public static MlxArray rsqrt(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_rsqrt(t.out(), t.use(a), t.stream), "rsqrt", a);
    }

    /** 1 / (1 + exp(-a)). */
    public static MlxArray sigmoid(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_sigmoid(t.out(), t.use(a), t.stream), "sigmoid", a);
    }

    /** Sine. */
    public static MlxArray sin(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_sin(t.out(), t.use(a), t.stream), "sin", a);
    }

    /** Square root. */
    public static MlxArray sqrt(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_sqrt(t.out(), t.use(a), t.stream), "sqrt", a);
    }

    /** a * a. */
    public static MlxArray square(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_square(t.out(), t.use(a), t.stream), "square", a);
    }

    /** Hyperbolic tangent. */
    public static MlxArray tanh(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_tanh(t.out(), t.use(a), t.stream), "tanh", a);
    }

    /** a + b. */
    public static MlxArray add(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_add(t.out(), t.use(a), t.use(b), t.stream), "add", a, b);
    }

    /** a / b. */
    public static MlxArray divide(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_divide(t.out(), t.use(a), t.use(b), t.stream), "divide", a, b);
    }

    /** Whether a equals b, elementwise. */
    public static MlxArray equal(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_equal(t.out(), t.use(a), t.use(b), t.stream), "equal", a, b);
    }

    /** Largest integer not above a / b. */
    public static MlxArray floorDivide(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_floor_divide(t.out(), t.use(a), t.use(b), t.stream), "floor_divide", a, b);
    }

    /** a &gt; b. */
    public static MlxArray greater(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_greater(t.out(), t.use(a), t.use(b), t.stream), "greater", a, b);
    }

    /** a &gt;= b. */
    public static MlxArray greaterEqual(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_greater_equal(t.out(), t.use(a), t.use(b), t.stream), "greater_equal", a, b);
    }

    /** a &lt; b. */
    public static MlxArray less(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_less(t.out(), t.use(a), t.use(b), t.stream), "less", a, b);
    }

    /** log(exp(a) + exp(b)). */
    public static MlxArray logaddexp(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_logaddexp(t.out(), t.use(a), t.use(b), t.stream), "logaddexp", a, b);
    }

    /** Both. */
    public static MlxArray logicalAnd(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_logical_and(t.out(), t.use(a), t.use(b), t.stream), "logical_and", a, b);
    }

    /** Either. */
    public static MlxArray logicalOr(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_logical_or(t.out(), t.use(a), t.use(b), t.stream), "logical_or", a, b);
    }

    /** Matrix product of the last two dimensions. */
    public static MlxArray matmul(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_matmul(t.out(), t.use(a), t.use(b), t.stream), "matmul", a, b);
    }

    /** The larger, elementwise. */
    public static MlxArray maximum(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_maximum(t.out(), t.use(a), t.use(b), t.stream), "maximum", a, b);
    }

    /** The smaller, elementwise. */
    public static MlxArray minimum(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_minimum(t.out(), t.use(a), t.use(b), t.stream), "minimum", a, b);
    }

    /** a * b. */
    public static MlxArray multiply(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_multiply(t.out(), t.use(a), t.use(b), t.stream), "multiply", a, b);
    }

    /** a to the b. */
    public static MlxArray power(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_power(t.out(), t.use(a), t.use(b), t.stream), "power", a, b);
    }

    /** Remainder with the sign of b. */
    public static MlxArray remainder(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_remainder(t.out(), t.use(a), t.use(b), t.stream), "remainder", a, b);
    }

    /** a - b. */
    public static MlxArray subtract(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_subtract(t.out(), t.use(a), t.use(b), t.stream), "subtract", a, b);
    }

    /** Bits of a, shifted down by b. */
    public static MlxArray rightShift(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_right_shift(t.out(), t.use(a), t.use(b), t.stream), "right_shift", a, b);
    }

    /** Bitwise and. */
    public static MlxArray bitwiseAnd(MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_bitwise_and(t.out(), t.use(a), t.use(b), t.stream), "bitwise_and", a, b);
    }

    /** Limits a to [low, high]; either limit may be null. */
    public static MlxArray clip(MlxArray a, MlxArray low, MlxArray high) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_clip(t.out(), t.use(a), t.useOrNone(low), t.useOrNone(high), t.stream), "clip", a, low, high);
    }

    /** x where the condition holds, else y. */
    public static MlxArray where(MlxArray condition, MlxArray x, MlxArray y) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_where(t.out(), t.use(condition), t.use(x), t.use(y), t.stream), "where", condition, x, y);
    }

    /** c + a b, in one operation. */
    public static MlxArray addmm(MlxArray c, MlxArray a, MlxArray b) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_addmm(t.out(), t.use(c), t.use(a), t.use(b), 1f, 1f, t.stream), "addmm", c, a, b);
    }

    /** a b * factor, in one operation. */
    public static MlxArray matmul(MlxArray a, MlxArray b, double factor) {
        OwnerThread t = OwnerThread.current();
        MlxArray nothing = MlxArray.scalar(0, a.dtype());
        return t.result(
                MlxC.mlx_addmm(t.out(), t.use(nothing), t.use(a), t.use(b), (float) factor, 0f, t.stream),
                "matmul",
                a,
                b);
    }

    /** Products of a with the matrices of b that the indices choose (a mixture of experts). */
    public static MlxArray gatherMm(MlxArray a, MlxArray b, MlxArray rhsIndices, boolean sorted) {
        OwnerThread t = OwnerThread.current();
        if (t.sketches) {
            int[] batch = Arrays.copyOf(a.shape(), a.ndim() - 2);
            int[] shape = Graph.broadcast(batch, rhsIndices.shape(), a.dim(-2), b.dim(-1));
            return Graph.node(shape, a.dtype(), a, b, rhsIndices);
        }
        MlxArray fused = sorted && t.cpuFast != null ? t.cpuFast.sortedProducts(a, b, rhsIndices) : null;
        if (fused != null) {
            return fused;
        }
        return t.result(
                MlxC.mlx_gather_mm(t.out(), t.use(a), t.use(b), 0L, t.use(rhsIndices), sorted, t.stream),
                "gather_mm",
                a,
                b,
                rhsIndices);
    }

    /** Index of the largest along an axis. */
    public static MlxArray argmax(MlxArray a, int axis, boolean keepDims) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_argmax_axis(t.out(), t.use(a), axis, keepDims, t.stream), "argmax_axis", a);
    }

    /** Sum along an axis. */
    public static MlxArray sum(MlxArray a, int axis, boolean keepDims) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_sum_axis(t.out(), t.use(a), axis, keepDims, t.stream), "sum_axis", a);
    }

    /** Largest along an axis. */
    public static MlxArray max(MlxArray a, int axis, boolean keepDims) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_max_axis(t.out(), t.use(a), axis, keepDims, t.stream), "max_axis", a);
    }

    /** Smallest along an axis. */
    public static MlxArray min(MlxArray a, int axis, boolean keepDims) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_min_axis(t.out(), t.use(a), axis, keepDims, t.stream), "min_axis", a);
    }

    /** Mean along an axis. */
    public static MlxArray mean(MlxArray a, int axis, boolean keepDims) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_mean_axis(t.out(), t.use(a), axis, keepDims, t.stream), "mean_axis", a);
    }

    /** log(sum(exp(a))) along an axis. */
    public static MlxArray logsumexp(MlxArray a, int axis, boolean keepDims) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_logsumexp_axis(t.out(), t.use(a), axis, keepDims, t.stream), "logsumexp_axis", a);
    }

    /** Whether all are true. */
    public static MlxArray all(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_all(t.out(), t.use(a), false, t.stream), "all", a);
    }

    /** Whether one is true. */
    public static MlxArray any(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_any(t.out(), t.use(a), false, t.stream), "any", a);
    }

    /** exp(a) / sum(exp(a)) along an axis; precise computes in single precision. */
    public static MlxArray softmax(MlxArray a, int axis, boolean precise) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_softmax_axis(t.out(), t.use(a), axis, precise, t.stream), "softmax_axis", a);
    }

    /** Indices that sort an axis upwards. */
    public static MlxArray argsort(MlxArray a, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_argsort_axis(t.out(), t.use(a), axis, t.stream), "argsort_axis", a);
    }

    /** Sorts an axis upwards. */
    public static MlxArray sort(MlxArray a, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_sort_axis(t.out(), t.use(a), axis, t.stream), "sort_axis", a);
    }

    /** Indices such that the k-th is where sorting would put it, smaller ones before. */
    public static MlxArray argpartition(MlxArray a, int kth, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_argpartition_axis(t.out(), t.use(a), kth, axis, t.stream), "argpartition_axis", a);
    }

    /** Orders so that the k-th is where sorting would put it, smaller ones before. */
    public static MlxArray partition(MlxArray a, int kth, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_partition_axis(t.out(), t.use(a), kth, axis, t.stream), "partition_axis", a);
    }

    /** The k largest along an axis, in no order. */
    public static MlxArray topk(MlxArray a, int k, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_topk_axis(t.out(), t.use(a), k, axis, t.stream), "topk_axis", a);
    }

    /** Running sum along an axis, from the end if reverse, each element included unless inclusive is false. */
    public static MlxArray cumsum(MlxArray a, int axis, boolean reverse, boolean inclusive) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_cumsum_axis(t.out(), t.use(a), axis, reverse, inclusive, Optionals.NONE, t.stream),
                "cumsum_axis",
                a);
    }

    /** Convolution of [batch, length, channels] with [out, width, channels / groups]. */
    public static MlxArray conv1d(MlxArray input, MlxArray weight, int stride, int padding, int groups) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_conv1d(t.out(), t.use(input), t.use(weight), stride, padding, 1, groups, t.stream),
                "conv1d",
                input,
                weight);
    }

    /** Converts the elements; nothing is done where they have that type. */
    public static MlxArray astype(MlxArray a, DType type) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_astype(t.out(), t.use(a), type.id(), t.stream), "astype", a);
    }

    /** Reads bytes as 8-bit floats (e4m3). */
    public static MlxArray fromFp8(MlxArray a, DType type) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_from_fp8(t.out(), t.use(a), type.id(), t.stream), "from_fp8", a);
    }

    /** a + s, with s in the type of a. */
    public static MlxArray add(MlxArray a, double s) {
        return add(a, MlxArray.scalar(s, a.dtype()));
    }

    /** a * s, with s in the type of a. */
    public static MlxArray multiply(MlxArray a, double s) {
        return multiply(a, MlxArray.scalar(s, a.dtype()));
    }

    /** a / s, with s in the type of a. */
    public static MlxArray divide(MlxArray a, double s) {
        return divide(a, MlxArray.scalar(s, a.dtype()));
    }

    /** a * sigmoid(a). */
    public static MlxArray silu(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        MlxArray composed = t.cpuFast == null ? null : t.cpuFast.silu(a);
        return composed != null ? composed : SILU.apply(a);
    }
}
