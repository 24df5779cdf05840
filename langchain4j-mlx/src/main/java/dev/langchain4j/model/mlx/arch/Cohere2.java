package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.LayerNorm;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.ParallelBlock;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.function.IntPredicate;

/**
 * Command R7B and Command A: attention and the feed-forward layer beside each other, sliding windows with positions in
 * three of four layers, the whole context without positions in the fourth. Source: mlx-lm's {@code models/cohere2.py}.
 */
public final class Cohere2 {

    /** What config.json says, and mlx-lm's defaults where it is silent. */
    private record Config(Shape shape, int inner, int window, double eps, boolean bias, boolean normBias) {

        static Config of(ModelConfig c) {
            int hidden = c.count("hidden_size", 4096);
            int heads = c.count("num_attention_heads", 32);
            int kvHeads = c.count("num_key_value_heads", 8);
            int dim = c.count("head_dim", 128);
            if (heads % kvHeads != 0) {
                throw c.invalid("num_key_value_heads", kvHeads, "must divide num_attention_heads (" + heads + ")");
            }
            if ((long) heads * dim != hidden) {
                throw c.invalid("head_dim", dim, "times num_attention_heads must be hidden_size (" + hidden + ")");
            }
            return new Config(
                    new Shape(hidden, heads, kvHeads, dim),
                    c.count("intermediate_size", 14_336),
                    c.count("sliding_window", 4096),
                    c.number("layer_norm_eps", 1e-5),
                    c.flag("attention_bias", false),
                    c.flag("layer_norm_bias", false));
        }

        LayerNorm norm(Weights w, String name) {
            return LayerNorm.load(w, name, shape.hidden(), eps, normBias);
        }
    }

    private Cohere2() {}

    /** The model. Its head is the embedding, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Config config = Config.of(c);
        int rows = c.count("vocab_size", 256_000);
        Rope rope = Ropes.of(w, RopeParameters.of(c), config.shape.headDim(), 50_000, true);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, config.shape.hidden());
        Linear head = embedding.asLinear();
        int layers = c.count("num_hidden_layers", 32);
        IntPredicate windows = LayerTypes.slides(c, layers, 4);
        double scale = c.number("logit_scale", 0.0625);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, layers, i -> {
                    boolean slides = windows.test(i);
                    String name = "model.layers." + i;
                    return block(config, w, name, slides ? rope : Rope.NONE, slides ? config.window : 0);
                }),
                config.norm(w, "model.norm"),
                x -> Ops.multiply(head.apply(x), scale),
                rows);
    }

    private static ParallelBlock block(Config c, Weights w, String name, Rope rope, int window) {
        return new ParallelBlock(
                c.norm(w, name + ".input_layernorm"),
                Attention.load(w, name + ".self_attn", c.shape, c.bias, c.bias, rope)
                        .withWindow(window),
                Mlp.load(w, name + ".mlp", c.shape.hidden(), c.inner),
                false);
    }
}
