package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.model.Part;
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
        return load(
                weights,
                name,
                format,
                Part.all(in),
                Arrays.stream(shape).mapToObj(Part::all).toArray(Part[]::new));
    }

    /**
     * A part of the matrix of this name.
     *
     * @throws InvalidRequestException if columns would be taken out of the middle of a group
     */
    static QuantizedMatrix load(Weights weights, String name, Format format, Part in, Part... shape) {
        if (!in.isWhole() && !in.isMultipleOf(format.groupSize())) {
            throw new InvalidRequestException(name + " is quantized in groups of " + format.groupSize()
                    + " columns, which " + weights.shard().size() + " ranks would divide");
        }
        boolean affine = format.mode().equals("affine");
        Part inGroups = in.over(format.groupSize());
        Part[] groups = with(shape, inGroups);
        Part[] words = with(
                shape,
                in.isWhole()
                        ? Part.all(in.whole() * format.bits() / 32)
                        : inGroups.times(format.groupSize() * format.bits() / 32));
        MlxArray weight = weights.packedPart(name + ".weight", DType.UINT32, words);
        MlxArray scales = affine
                ? weights.part(name + ".scales", groups)
                : weights.packedPart(name + ".scales", DType.UINT8, groups);
        MlxArray biases = affine ? weights.part(name + ".biases", groups) : null;
        return new QuantizedMatrix(weight, scales, biases, format);
    }

    /** The matrix as single-precision floats. */
    MlxArray dequantized() {
        return Quantized.dequantize(weight, scales, biases, format, DType.FLOAT32);
    }

    private static Part[] with(Part[] shape, Part last) {
        Part[] all = Arrays.copyOf(shape, shape.length + 1);
        all[shape.length] = last;
        return all;
    }
}
