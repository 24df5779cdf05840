package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Arrays;

/** The arrays of a quantized matrix, or of a stack of them; biases are null where the mode has none. */
public record QuantizedMatrix(MlxArray weight, MlxArray scales, MlxArray biases, Format format) {

    /**
     * The matrix of this name.
     *
     * @param format of these columns, as the weights say ({@link Weights#format})
     * @param in columns before packing
     * @param shape the dimensions before the columns: {out}, or {experts, out}
     */
    static QuantizedMatrix load(Weights weights, String name, Format format, int in, int... shape) {
        boolean affine = format.mode().equals("affine");
        int[] groups = with(shape, in / format.groupSize());
        MlxArray weight = weights.packed(name + ".weight", DType.UINT32, with(shape, in * format.bits() / 32));
        MlxArray scales =
                affine ? weights.get(name + ".scales", groups) : weights.packed(name + ".scales", DType.UINT8, groups);
        MlxArray biases = affine ? weights.get(name + ".biases", groups) : null;
        return new QuantizedMatrix(weight, scales, biases, format);
    }

    /** The matrix as single-precision floats. */
    MlxArray dequantized() {
        return Quantized.dequantize(weight, scales, biases, format, DType.FLOAT32);
    }

    private static int[] with(int[] shape, int last) {
        int[] all = Arrays.copyOf(shape, shape.length + 1);
        all[shape.length] = last;
        return all;
    }
}
