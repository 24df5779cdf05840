package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Partwise;
import dev.langchain4j.model.mlx.model.Tensors;
import java.util.List;
import java.util.Map;

/**
 * {@code qwen3_5_moe}: {@link Qwen35} with experts, whose raw folders have gates and values of all experts in one
 * tensor. Source: mlx-lm's {@code models/qwen3_5_moe.py}.
 */
public final class Qwen35Moe {
    private static final String BOTH = ".experts.gate_up_proj";

    private Qwen35Moe() {}

    /** Parts the gates of experts from their values, and does what {@link Qwen35#sanitize} does. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        Qwen35.sanitize(c, tensors);
        Tensors.stackExperts(Qwen35.text(c), tensors, Qwen35.text(c).integer("num_experts", 0));
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.endsWith(BOTH)) {
                String mlp = name.substring(0, name.length() - BOTH.length());
                MlxArray both = tensors.remove(name);
                int inner = both.dim(-2) / 2;
                tensors.put(mlp + ".switch_mlp.gate_proj.weight", Partwise.slice(both, -2, 0, inner));
                tensors.put(mlp + ".switch_mlp.up_proj.weight", Partwise.slice(both, -2, inner, 2 * inner));
                MlxArray down = tensors.remove(mlp + ".experts.down_proj");
                if (down != null) {
                    tensors.put(mlp + ".switch_mlp.down_proj.weight", down);
                }
            }
        }
    }
}
