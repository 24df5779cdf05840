package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * GLM-4 (0414): norms before and behind attention and the feed-forward layer, positions on a part of each head. Source:
 * mlx-lm's {@code models/glm4.py}.
 */
public final class Glm4 {
    private Glm4() {}

    /** The model. It has a head of its own, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        int rows = c.count("vocab_size");
        RopeParameters positions = RopeParameters.of(c);
        int turned = positions.dims(shape.headDim(), Double.NaN);
        Rope rope = Ropes.of(w, positions, turned, Double.NaN, c.flag("rope_traditional", true));
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, shape.hidden());
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> block(c, w, "model.layers." + i, shape, rope)),
                RmsNorm.load(w, "model.norm", shape.hidden(), c.number("rms_norm_eps")),
                Linear.load(w, "lm_head", shape.hidden(), rows, false),
                rows);
    }

    private static Block block(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        int hidden = shape.hidden();
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", false);
        FeedForward mlp = Mlp.loadFused(w, name + ".mlp", hidden, c.count("intermediate_size"));
        return new Block(
                RmsNorm.load(w, name + ".input_layernorm", hidden, eps),
                Attention.load(w, name + ".self_attn", shape, bias, false, rope),
                RmsNorm.load(w, name + ".post_self_attn_layernorm", hidden, eps),
                RmsNorm.load(w, name + ".post_attention_layernorm", hidden, eps),
                mlp,
                RmsNorm.load(w, name + ".post_mlp_layernorm", hidden, eps));
    }
}
