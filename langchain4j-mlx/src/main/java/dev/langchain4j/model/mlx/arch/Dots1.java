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
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.List;
import java.util.Map;

/**
 * dots.llm1: a norm on each head of queries and keys, and DeepSeek-V3's experts behind a few dense layers. Source:
 * mlx-lm's {@code models/dots1.py}.
 */
public final class Dots1 {
    private Dots1() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        int dim = shape.headDim();
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), dim, Double.NaN, false);
        int dense = c.integer("first_k_dense_replace");
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope)
                    .withHeadNorms(
                            RmsNorm.load(w, name + ".self_attn.q_norm", dim, eps),
                            RmsNorm.load(w, name + ".self_attn.k_norm", dim, eps));
            FeedForward mlp =
                    i < dense ? dense(c, w, name + ".mlp", c.count("intermediate_size")) : experts(c, w, name + ".mlp");
            return Block.load(w, name, shape.hidden(), eps, attention, mlp);
        });
    }

    private static Mlp dense(ModelConfig c, Weights w, String name, int inner) {
        return Mlp.load(w, name, c.count("hidden_size"), inner, c.flag("mlp_bias", false), Gating.SILU);
    }

    private static SparseMlp experts(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int inner = c.count("moe_intermediate_size");
        int experts = c.count("n_routed_experts");
        return new SparseMlp(
                Router.Grouped.load(c, w, name + ".gate", hidden, experts),
                SwitchMlp.load(w, name + ".experts", hidden, inner, experts, false, Gating.SILU),
                dense(c, w, name + ".shared_experts", inner * c.count("n_shared_experts")));
    }

    /** Stacks the experts of raw folders. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        for (int i = 0; i < c.count("num_hidden_layers"); i++) {
            String name = "model.layers." + i + ".mlp.experts.";
            for (String projection : List.of("gate_proj", "up_proj", "down_proj")) {
                String[] from = {name, "." + projection};
                Tensors.stackExperts(tensors, from, name + projection, c.count("n_routed_experts"));
            }
        }
    }
}
