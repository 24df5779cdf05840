package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.function.IntPredicate;

/**
 * Gemma 3: sliding windows with positions of their own in all layers but every sixth, norms before and behind
 * everything. Source: mlx-lm's {@code models/gemma3_text.py}.
 */
public final class Gemma3Text {

    /** What config.json says, and the numbers of the one-billion model where it is silent. */
    private record Config(Shape shape, int inner, double eps, double scale, int window, int rows) {

        static Config of(ModelConfig c) {
            int heads = c.count("num_attention_heads", 4);
            int kvHeads = c.count("num_key_value_heads", 1);
            if (heads % kvHeads != 0) {
                throw c.invalid("num_key_value_heads", kvHeads, "must divide num_attention_heads (" + heads + ")");
            }
            return new Config(
                    new Shape(c.count("hidden_size", 1152), heads, kvHeads, c.count("head_dim", 256)),
                    c.count("intermediate_size", 6912),
                    c.number("rms_norm_eps", 1e-6),
                    Math.pow(c.number("query_pre_attn_scalar", 256), -0.5),
                    c.count("sliding_window", 512),
                    c.count("vocab_size", 262_144));
        }
    }

    private Gemma3Text() {}

    /** The model. Its head is the embedding where the weights have no other. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Config config = Config.of(c);
        int hidden = config.shape.hidden();
        int dim = config.shape.headDim();
        Rope local = Ropes.of(w, RopeParameters.ofSliding(c, LayerTypes.SLIDING), dim, 10_000, false);
        Rope global = Ropes.of(w, RopeParameters.ofFull(c, LayerTypes.FULL), dim, 1e6, false);
        int layers = c.count("num_hidden_layers", 26);
        IntPredicate slides = LayerTypes.slides(c, layers, 6);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", config.rows, hidden);
        return new Decoder(
                ids -> scaled(embedding.apply(ids), hidden),
                Decoder.layers(w, layers, i -> {
                    String name = "model.layers." + i;
                    return block(config, w, name, slides.test(i) ? local : global, slides.test(i));
                }),
                RmsNorm.loadFromOne(w, "model.norm", hidden, config.eps),
                w.has("lm_head.weight") ? Linear.load(w, "lm_head", hidden, config.rows, false) : embedding.asLinear(),
                config.rows);
    }

    /** The multiplier is rounded to bfloat16 whatever type the model has: it was trained like that. */
    private static MlxArray scaled(MlxArray x, int hidden) {
        MlxArray multiplier = MlxArray.scalar(Math.sqrt(hidden), DType.BFLOAT16);
        return Ops.multiply(x, Ops.astype(multiplier, x.dtype()));
    }

    private static Block block(Config c, Weights w, String name, Rope rope, boolean slides) {
        int hidden = c.shape.hidden();
        Attention attention = Attention.load(w, name + ".self_attn", c.shape, false, false, rope)
                .withHeadNorms(
                        RmsNorm.loadFromOne(w, name + ".self_attn.q_norm", c.shape.headDim(), c.eps),
                        RmsNorm.loadFromOne(w, name + ".self_attn.k_norm", c.shape.headDim(), c.eps))
                .withScale(c.scale)
                .withWindow(slides ? c.window : 0)
                .withPicturesBothWays();
        return new Block(
                RmsNorm.loadFromOne(w, name + ".input_layernorm", hidden, c.eps),
                attention,
                RmsNorm.loadFromOne(w, name + ".post_attention_layernorm", hidden, c.eps),
                RmsNorm.loadFromOne(w, name + ".pre_feedforward_layernorm", hidden, c.eps),
                Mlp.load(w, name + ".mlp", hidden, c.inner, false, Gating.GELU_TANH),
                RmsNorm.loadFromOne(w, name + ".post_feedforward_layernorm", hidden, c.eps));
    }
}
