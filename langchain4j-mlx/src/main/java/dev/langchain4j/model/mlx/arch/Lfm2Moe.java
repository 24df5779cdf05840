package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.List;
import java.util.Map;

/** LFM2 with experts in all layers but the first few. Source: mlx-lm's {@code models/lfm2_moe.py}. */
public final class Lfm2Moe {
    private Lfm2Moe() {}

    /** The model. Its head is the embedding. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        int dense = c.integer("num_dense_layers");
        int hidden = c.count("hidden_size");
        return Lfm2.create(c, w, i -> {
            String name = "model.layers." + i + ".feed_forward";
            return i < dense ? Mlp.load(w, name, hidden, c.count("intermediate_size")) : experts(c, w, name, hidden);
        });
    }

    private static FeedForward experts(ModelConfig c, Weights w, String name, int hidden) {
        int experts = c.count("num_experts");
        int inner = c.count("moe_intermediate_size");
        Linear gate = Linear.load(w, name + ".gate", hidden, experts, false);
        MlxArray correction = c.flag("use_expert_bias") ? w.get(name + ".expert_bias", experts) : null;
        int chosen = Router.chosen(c, experts, c.count("num_experts_per_tok"));
        return new SparseMlp(
                Router.topOfSigmoid(
                        gate, correction, chosen, c.flag("norm_topk_prob"), c.number("routed_scaling_factor", 1)),
                SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, false, Gating.SILU),
                null);
    }

    /** Turns the kernels of raw folders, gives feed-forward layers their usual names and stacks their experts. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        Lfm2.sanitize(c, tensors);
        for (String name : List.copyOf(tensors.keySet())) {
            String usual = name.replace("w1.weight", "gate_proj.weight")
                    .replace("w2.weight", "down_proj.weight")
                    .replace("w3.weight", "up_proj.weight");
            tensors.put(usual, tensors.remove(name));
        }
        Tensors.stackExperts(c, tensors, ".feed_forward", c.count("num_experts"));
    }
}
