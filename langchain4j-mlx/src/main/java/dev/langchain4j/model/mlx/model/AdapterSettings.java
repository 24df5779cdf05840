package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.MlxArray;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What adapter_config.json says, as one of the tools writes it that train adapters. */
interface AdapterSettings {
    Pattern IN_LAYER = Pattern.compile(".*?layers\\.(\\d{1,6})\\.(.+)");

    /** The name of the file with the tensors. */
    String weightsFile();

    /**
     * Sorts the tensors of that file: parts of changes of low rank get the names and the layout of mlx-lm, which are
     * LAYER.lora_a [in, rank], LAYER.lora_b [rank, out] and LAYER.m [out]; for stacked experts [experts, rank, in] and
     * [experts, out, rank].
     *
     * @param tensors by their names without the prefix of a wrapper
     * @param changes takes parts of changes
     * @param whole takes tensors that replace the model's
     * @param adapter says what is wrong
     */
    void sort(
            Map<String, MlxArray> tensors, Map<String, MlxArray> changes, Map<String, MlxArray> whole, Adapter adapter);

    /** Whether rows of changed matrices get lengths (DoRA). */
    boolean isDora();

    /** The number of dimensions that the change of a layer goes through. */
    int rank(String layer);

    /** What the change of a layer is multiplied by. */
    double scale(String layer);

    /** Whether a change of an embedding is one of the head, too, if both share a matrix. */
    boolean changesTiedHead();

    /**
     * The layers that must have a change.
     *
     * @param all layers of the model that can have one
     * @param changed those that have one
     */
    Set<String> expected(Set<String> all, Set<String> changed);

    /** The number of a layer in its name; -1 if it has none. */
    static int layerOf(String name) {
        Matcher m = IN_LAYER.matcher(name);
        return m.matches() ? Integer.parseInt(m.group(1)) : -1;
    }

    /** The name of a layer without what stands before it in the stack; the name itself if it is in none. */
    static String partOf(String name) {
        Matcher m = IN_LAYER.matcher(name);
        return m.matches() ? m.group(2) : name;
    }
}
