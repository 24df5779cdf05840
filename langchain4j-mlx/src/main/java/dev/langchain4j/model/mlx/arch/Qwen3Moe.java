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
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.Arrays;
import java.util.Map;

/** Qwen3 with a mixture of experts in most blocks. Source: mlx-lm's {@code models/qwen3_moe.py}. */
public final class Qwen3Moe {
    private Qwen3Moe() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        int dim = shape.headDim();
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), dim, Double.NaN, false);
        return Decoder.load(c, w, true, i -> {
            String name = "model.layers." + i;
            Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope)
                    .withHeadNorms(
                            RmsNorm.load(w, name + ".self_attn.q_norm", dim, eps),
                            RmsNorm.load(w, name + ".self_attn.k_norm", dim, eps));
            FeedForward mlp = isSparse(c, i)
                    ? experts(c, w, name + ".mlp")
                    : Mlp.load(w, name + ".mlp", shape.hidden(), c.count("intermediate_size"));
            return Block.load(w, name, shape.hidden(), eps, attention, mlp);
        });
    }

    /** Whether a layer has experts. */
    static boolean isSparse(ModelConfig c, int layer) {
        double[] dense = c.has("mlp_only_layers") ? c.numbers("mlp_only_layers") : new double[0];
        return Arrays.stream(dense).noneMatch(d -> d == layer)
                && c.integer("num_experts", 0) > 0
                && (layer + 1) % c.count("decoder_sparse_step", 1) == 0;
    }

    private static SparseMlp experts(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int experts = c.count("num_experts");
        int inner = c.count("moe_intermediate_size");
        Linear gate = Linear.load(w, name + ".gate", hidden, experts, false);
        int chosen = Router.chosen(c, experts, c.count("num_experts_per_tok"));
        return new SparseMlp(
                Router.topOfSoftmax(gate, chosen, c.flag("norm_topk_prob", false), Router.Selection.LAST),
                SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, false, Gating.SILU),
                null);
    }

    /** Stacks the experts of raw folders. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        Tensors.stackExperts(c, tensors, c.integer("num_experts", 0));
    }
}
