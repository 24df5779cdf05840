package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;

/** Products with quantized matrices, as {@code mlx.core.quantized_matmul} and its kin. Lazy, as {@link Ops}. */
public final class Quantized {

    /**
     * How a matrix was quantized.
     *
     * @param groupSize elements that share a scale
     * @param bits bits of an element
     * @param mode {@code "affine"}, {@code "mxfp4"}, {@code "mxfp8"} or {@code "nvfp4"}
     */
    public record Format(int groupSize, int bits, String mode) {}

    private Quantized() {}

    /** x w', with w [out, packed in]; biases are null for modes that have none. */
    public static MlxArray matmul(MlxArray x, MlxArray w, MlxArray scales, MlxArray biases, Format format) {
        return matmul(x, w, scales, biases, format, true);
    }

    /** x w, with w as in {@link #matmul}: its rows are what the last dimension of x runs over. */
    public static MlxArray matmulTransposed(MlxArray x, MlxArray w, MlxArray scales, MlxArray biases, Format format) {
        return matmul(x, w, scales, biases, format, false);
    }

    private static MlxArray matmul(
            MlxArray x, MlxArray w, MlxArray scales, MlxArray biases, Format format, boolean transpose) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_quantized_matmul(
                        t.out(),
                        t.use(x),
                        t.use(w),
                        t.use(scales),
                        t.useOrNone(biases),
                        transpose,
                        Optionals.of(format.groupSize()),
                        Optionals.of(format.bits()),
                        OwnerThread.constant(format.mode()),
                        t.stream),
                "quantized_matmul",
                x,
                w,
                scales);
    }

    /** x w', with the matrix of w that each index chooses (a mixture of experts). */
    public static MlxArray gatherMatmul(
            MlxArray x,
            MlxArray w,
            MlxArray scales,
            MlxArray biases,
            MlxArray rhsIndices,
            boolean sorted,
            Format format) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_gather_qmm(
                        t.out(),
                        t.use(x),
                        t.use(w),
                        t.use(scales),
                        t.useOrNone(biases),
                        0L,
                        t.use(rhsIndices),
                        true,
                        Optionals.of(format.groupSize()),
                        Optionals.of(format.bits()),
                        OwnerThread.constant(format.mode()),
                        sorted,
                        t.stream),
                "gather_qmm",
                x,
                w,
                rhsIndices);
    }

    /** The matrix as floats; {@code type} null for the type of the scales (bfloat16 where scales are bytes). */
    public static MlxArray dequantize(MlxArray w, MlxArray scales, MlxArray biases, Format format, DType type) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_dequantize(
                        t.out(),
                        t.use(w),
                        t.use(scales),
                        t.useOrNone(biases),
                        Optionals.of(format.groupSize()),
                        Optionals.of(format.bits()),
                        OwnerThread.constant(format.mode()),
                        0L,
                        type == null ? Optionals.NONE : Optionals.of(type),
                        t.stream),
                "dequantize",
                w,
                scales,
                biases);
    }

    /** Quantizes the last dimension: packed elements, scales, and biases in the affine mode. */
    public static MlxArray[] quantize(MlxArray w, Format format) {
        OwnerThread t = OwnerThread.current();
        t.check(
                MlxC.mlx_quantize(
                        t.out(),
                        t.use(w),
                        Optionals.of(format.groupSize()),
                        Optionals.of(format.bits()),
                        OwnerThread.constant(format.mode()),
                        0L,
                        t.stream),
                "quantize",
                w);
        return t.unpack(t.outLong());
    }
}
