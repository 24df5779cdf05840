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
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.function.IntPredicate;

/**
 * OLMo 2 and 3: norms behind attention and the feed-forward layer instead of before them, and over all heads of queries
 * and of keys. Source: mlx-lm's {@code models/olmo2.py} and {@code models/olmo3.py}.
 */
public final class Olmo2 {
    private Olmo2() {}

    /** {@code olmo2}: all layers alike. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        boolean traditional = c.flag("rope_traditional", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 10_000, traditional);
        boolean mlpBias = c.flag("mlp_bias", false);
        return Decoder.load(c, w, true, i -> block(c, w, "model.layers." + i, shape, mlpBias, rope, 0));
    }

    /** {@code olmo3}: sliding windows in three of four layers, whose positions are not scaled. */
    public static LanguageModel olmo3(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        int dim = shape.headDim();
        Rope full = Ropes.of(w, RopeParameters.ofFull(c, LayerTypes.FULL), dim, Double.NaN, false);
        Rope sliding = Ropes.of(w, RopeParameters.ofLayer(c, LayerTypes.SLIDING, 0, false), dim, Double.NaN, false);
        int window = c.count("sliding_window");
        IntPredicate slides = LayerTypes.slides(c, c.count("num_hidden_layers"), 4);
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            return slides.test(i)
                    ? block(c, w, name, shape, false, sliding, window)
                    : block(c, w, name, shape, false, full, 0);
        });
    }

    private static Block block(
            ModelConfig c, Weights w, String name, Shape shape, boolean mlpBias, Rope rope, int window) {
        int hidden = shape.hidden();
        int dim = shape.headDim();
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", false);
        Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope)
                .withWholeNorms(
                        RmsNorm.load(w, name + ".self_attn.q_norm", shape.heads() * dim, eps),
                        RmsNorm.load(w, name + ".self_attn.k_norm", shape.kvHeads() * dim, eps))
                .withWindow(window);
        RmsNorm afterAttention = RmsNorm.load(w, name + ".post_attention_layernorm", hidden, eps);
        Mlp mlp = Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"), mlpBias, Gating.SILU);
        RmsNorm afterMlp = RmsNorm.load(w, name + ".post_feedforward_layernorm", hidden, eps);
        return new Block(null, attention, afterAttention, null, mlp, afterMlp);
    }
}
