package dev.langchain4j.model.mlx.arch;

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
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * Gemma 1: norms stored as their distance from one, and scaled embeddings. Source: mlx-lm's {@code models/gemma.py}.
 */
public final class Gemma {
    private Gemma() {}

    /** The model. Its head is the embedding, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, c.count("head_dim"));
        int rows = c.count("vocab_size");
        boolean traditional = c.flag("rope_traditional", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 10_000, traditional);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, shape.hidden());
        double multiplier = Math.sqrt(shape.hidden());
        return new Decoder(
                ids -> Ops.multiply(embedding.apply(ids), multiplier),
                Decoder.layers(w, c, i -> block(c, w, "model.layers." + i, shape, rope)),
                RmsNorm.loadFromOne(w, "model.norm", shape.hidden(), c.number("rms_norm_eps")),
                embedding.asLinear(),
                rows);
    }

    private static Block block(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        int hidden = shape.hidden();
        double eps = c.number("rms_norm_eps");
        return new Block(
                RmsNorm.loadFromOne(w, name + ".input_layernorm", hidden, eps),
                Attention.load(w, name + ".self_attn", shape, false, false, rope),
                null,
                RmsNorm.loadFromOne(w, name + ".post_attention_layernorm", hidden, eps),
                Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"), false, Gating.GELU),
                null);
    }
}
