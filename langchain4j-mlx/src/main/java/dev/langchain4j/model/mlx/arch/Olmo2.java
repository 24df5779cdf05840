package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * OLMo 2: norms behind attention and the feed-forward layer instead of before them, and over all heads of queries and of
 * keys. Source: mlx-lm's {@code models/olmo2.py}.
 */
public final class Olmo2 {
    private Olmo2() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        int hidden = shape.hidden();
        int dim = shape.headDim();
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", false);
        boolean mlpBias = c.flag("mlp_bias", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), dim, 10_000, c.flag("rope_traditional", false));
        return Decoder.load(c, w, true, i -> {
            String name = "model.layers." + i;
            Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope)
                    .withWholeNorms(
                            RmsNorm.load(w, name + ".self_attn.q_norm", shape.heads() * dim, eps),
                            RmsNorm.load(w, name + ".self_attn.k_norm", shape.kvHeads() * dim, eps));
            RmsNorm afterAttention = RmsNorm.load(w, name + ".post_attention_layernorm", hidden, eps);
            Mlp mlp = Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"), mlpBias, Gating.SILU);
            RmsNorm afterMlp = RmsNorm.load(w, name + ".post_feedforward_layernorm", hidden, eps);
            return new Block(null, attention, afterAttention, null, mlp, afterMlp);
        });
    }
}
