package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.model.mlx.model.ModelConfig;
import java.util.List;
import java.util.function.IntPredicate;

/** What kind each layer is of, where config.json lists it as {@code layer_types}. */
public final class LayerTypes {
    /** A layer that attends to a sliding window. */
    public static final String SLIDING = "sliding_attention";

    /** A layer that attends to the whole context. */
    public static final String FULL = "full_attention";

    /** A layer whose attention is linear. */
    public static final String LINEAR = "linear_attention";

    private LayerTypes() {}

    /** One type a layer; null if config.json has none. */
    public static List<String> of(ModelConfig c, List<String> known) {
        return of(c, c.count("num_hidden_layers"), known);
    }

    /** One type for each of this many layers; null if config.json has none. */
    public static List<String> of(ModelConfig c, int layers, List<String> known) {
        List<String> types = c.texts("layer_types");
        if (types == null) {
            return null;
        }
        if (types.size() != layers || !known.containsAll(types)) {
            throw c.invalid("layer_types", types, "must have one of " + known + " for each of " + layers + " layers");
        }
        return types;
    }

    /**
     * The layers that attend to a window: those that layer_types lists, or else all but every n-th, where n is
     * sliding_window_pattern.
     *
     * @param pattern n where config.json has neither
     */
    public static IntPredicate slides(ModelConfig c, int layers, int pattern) {
        List<String> types = of(c, layers, List.of(FULL, SLIDING));
        int every = c.count("sliding_window_pattern", pattern);
        return i -> types == null ? (i + 1) % every != 0 : types.get(i).equals(SLIDING);
    }

    /** The window of a layer of these types: sliding_window, or 0 for the whole context. */
    public static int window(ModelConfig c, List<String> types, int layer) {
        return types != null && types.get(layer).equals(SLIDING) ? c.count("sliding_window") : 0;
    }
}
