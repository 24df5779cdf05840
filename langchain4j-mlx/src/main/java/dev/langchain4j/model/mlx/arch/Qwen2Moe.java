package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;

/**
 * Qwen1.5-MoE and Qwen2-MoE: Qwen2's attention, experts, and one that all positions go through as far as a gate lets
 * them. Source: mlx-lm's {@code models/qwen2_moe.py}.
 */
public final class Qwen2Moe {
    private Qwen2Moe() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.ofEqualHeads(c);
        int hidden = shape.hidden();
        boolean bias = c.flag("qkv_bias", true);
        boolean traditional = c.flag("rope_traditional", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 1_000_000, traditional);
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            Attention attention = Attention.load(w, name + ".self_attn", shape, bias, false, rope);
            FeedForward mlp = Qwen3Moe.isSparse(c, i)
                    ? Qwen3Next.experts(c, w, name + ".mlp", hidden, false, Router.Selection.FIRST_NEGATED)
                    : Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"));
            return Block.load(w, name, hidden, c.number("rms_norm_eps"), attention, mlp);
        });
    }
}
