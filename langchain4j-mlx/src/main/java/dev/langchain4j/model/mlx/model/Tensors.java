package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** What checkpoints of several architectures need before their tensors have the names and shapes that we ask for. */
public final class Tensors {
    private static final List<String> PARTS = List.of(".weight", ".scales", ".biases", ".bias");
    private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(\\d{1,9})\\..*");

    private Tensors() {}

    /**
     * Stacks the matrices that a raw folder has one by one for each expert. Leaves alone what is not complete, so that
     * loading names it.
     *
     * @param from what stands before and after the number of the expert, such as {@code "a.experts."} and {@code ".w1"}
     * @param to name of the stacked layer
     */
    public static void stackExperts(Map<String, MlxArray> tensors, String[] from, String to, int experts) {
        for (String part : PARTS) {
            if (experts == 0 || !tensors.containsKey(from[0] + 0 + from[1] + part)) {
                continue;
            }
            List<String> names = IntStream.range(0, experts)
                    .mapToObj(e -> from[0] + e + from[1] + part)
                    .toList();
            if (tensors.keySet().containsAll(names)) {
                MlxArray[] each = names.stream().map(tensors::remove).toArray(MlxArray[]::new);
                tensors.put(to + part, Indexing.stack(0, each));
            }
        }
    }

    /** Stacks {@code mlp.experts.N.{gate,up,down}_proj} of all layers as {@code mlp.switch_mlp}. */
    public static void stackExperts(ModelConfig config, Map<String, MlxArray> tensors, int experts) {
        stackExperts(config, tensors, ".mlp", experts);
    }

    /** As the other one, for a feed-forward layer of this name. */
    public static void stackExperts(
            ModelConfig config, Map<String, MlxArray> tensors, String feedForward, int experts) {
        for (int i = 0; i < config.count("num_hidden_layers"); i++) {
            String name = "model.layers." + i + feedForward;
            for (String projection : List.of(".gate_proj", ".up_proj", ".down_proj")) {
                String[] from = {name + ".experts.", projection};
                stackExperts(tensors, from, name + ".switch_mlp" + projection, experts);
            }
        }
    }

    /** Drops layers behind the last one: those that predict several tokens ahead. */
    public static void dropLayersBehind(ModelConfig config, Map<String, MlxArray> tensors) {
        int layers = config.count("num_hidden_layers");
        tensors.keySet().removeIf(name -> {
            Matcher layer = LAYER.matcher(name);
            return layer.matches() && Integer.parseInt(layer.group(1)) >= layers;
        });
    }
}
