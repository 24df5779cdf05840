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
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.Map;

/**
 * OLMoE: a norm over all heads of queries and of keys, and a mixture of experts in each block. Source: mlx-lm's
 * {@code models/olmoe.py}.
 */
public final class Olmoe {
    private Olmoe() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        int dim = shape.headDim();
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), dim, 10_000, c.flag("rope_traditional", false));
        return Decoder.load(c, w, true, i -> {
            String name = "model.layers." + i;
            Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope)
                    .withWholeNorms(
                            RmsNorm.load(w, name + ".self_attn.q_norm", shape.heads() * dim, eps),
                            RmsNorm.load(w, name + ".self_attn.k_norm", shape.kvHeads() * dim, eps));
            return Block.load(w, name, shape.hidden(), eps, attention, experts(c, w, name + ".mlp"));
        });
    }

    private static SparseMlp experts(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int experts = c.count("num_experts");
        int inner = c.count("intermediate_size");
        boolean bias = c.flag("mlp_bias", false);
        Linear gate = Linear.load(w, name + ".gate", hidden, experts, false);
        int chosen = Router.chosen(c, experts, c.count("num_experts_per_tok"));
        return new SparseMlp(
                Router.topOfSoftmax(gate, chosen, c.flag("norm_topk_prob", false), Router.Selection.FIRST_NEGATED),
                SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, bias, Gating.SILU),
                null);
    }

    /** Stacks the experts of raw folders. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        Tensors.stackExperts(c, tensors, c.count("num_experts"));
    }
}
