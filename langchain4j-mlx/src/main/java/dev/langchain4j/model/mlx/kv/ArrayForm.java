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

    /**
     * Throws IllegalArgumentException unless these are keys and values [1, heads, positions, dim] of so many positions.
     */
    static void checkKeysAndValues(List<ArrayForm> forms, int positions) {
        check(forms, 2, positions);
    }

    /**
     * Throws IllegalArgumentException unless these are so many arrays [1, heads, positions, dim] of equally many heads.
     */
    static void check(List<ArrayForm> forms, int count, int positions) {
        boolean fit = forms.size() == count
                && forms.stream()
                        .allMatch(form -> form != null
                                && form.shape.length == 4
                                && form.shape[0] == 1
                                && form.shape[1] > 0
                                && form.shape[1] == forms.getFirst().shape[1]
                                && form.shape[2] == positions
                                && form.shape[3] > 0);
        if (!fit) {
            throw new IllegalArgumentException(
                    "arrays (%s) must be %d of %d positions".formatted(forms, count, positions));
        }
    }

    @Override
    public String toString() {
        return type + Arrays.toString(shape);
    }
}
