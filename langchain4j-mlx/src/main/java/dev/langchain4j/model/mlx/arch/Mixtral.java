package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.Map;

/** Mixtral: Llama's attention, and a mixture of experts in each block. Source: mlx-lm's {@code models/mixtral.py}. */
public final class Mixtral {

    private Mixtral() {}

    /** The model. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = defaults(given);
        Shape shape = Shape.ofEqualHeads(c);
        boolean traditional = c.flag("rope_traditional", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 1e6, traditional);
        double eps = c.number("rms_norm_eps");
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            Attention attention = Attention.load(w, name + ".self_attn", shape, false, false, rope);
            return Block.load(w, name, shape.hidden(), eps, attention, experts(c, w, name + ".block_sparse_moe"));
        });
    }

    private static ModelConfig defaults(ModelConfig c) {
        return c.withDefaults(
                "vocab_size", 32_000,
                "hidden_size", 4096,
                "intermediate_size", 14_336,
                "num_hidden_layers", 32,
                "num_attention_heads", 32,
                "num_key_value_heads", 8,
                "num_local_experts", 8,
                "rms_norm_eps", 1e-5);
    }

    private static SparseMlp experts(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int experts = c.count("num_local_experts");
        Linear gate = Linear.load(w, name + ".gate", hidden, experts, false);
        int inner = c.count("intermediate_size");
        return new SparseMlp(
                Router.softmaxOfTop(gate, Router.chosen(c, experts, 2), Router.Selection.FIRST_NEGATED, true),
                SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, false, Gating.SILU),
                null);
    }

    /** Stacks the experts of raw folders. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        stackExperts(defaults(c), tensors);
    }

    /** Stacks what raw folders call w1, w2 and w3; others have the same. */
    static void stackExperts(ModelConfig c, Map<String, MlxArray> tensors) {
        Map<String, String> projections = Map.of("w1", "gate_proj", "w2", "down_proj", "w3", "up_proj");
        for (int i = 0; i < c.count("num_hidden_layers"); i++) {
            String name = "model.layers." + i + ".block_sparse_moe";
            projections.forEach((raw, projection) -> {
                String[] from = {name + ".experts.", "." + raw};
                int experts = c.count("num_local_experts");
                Tensors.stackExperts(tensors, from, name + ".switch_mlp." + projection, experts);
            });
        }
    }
}
