package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.DType;
import java.util.Arrays;
import java.util.List;

/**
 * Element type and shape of an array that is not here yet.
 *
 * @param shape length of each dimension
 */
public record ArrayForm(DType type, int[] shape) {

    /** Throws IllegalArgumentException unless these are keys and values [1, heads, positions, dim] of so many positions. */
    static void checkKeysAndValues(List<ArrayForm> forms, int positions) {
        boolean fit = forms.size() == 2;
        for (ArrayForm form : forms) {
            fit &= form.shape.length == 4
                    && form.shape[0] == 1
                    && form.shape[1] == forms.getFirst().shape[1]
                    && form.shape[2] == positions
                    && form.shape[3] > 0;
        }
        if (!fit) {
            throw new IllegalArgumentException(
                    "arrays (" + forms + ") must be keys and values of " + positions + " positions");
        }
    }

    @Override
    public String toString() {
        return type + Arrays.toString(shape);
    }
}
