package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Fast;
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
import dev.langchain4j.model.mlx.nn.LayerNorm;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * StarCoder2: norms that subtract the mean, biases, and a feed-forward layer without gate. Source: mlx-lm's
 * {@code models/starcoder2.py}; the sliding window, which it ignores, is that of transformers.
 */
public final class Starcoder2 {
    private Starcoder2() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.ofEqualHeads(c);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size", 49_152);
        double eps = c.number("norm_epsilon", 1e-5);
        boolean bias = c.flag("use_bias", true);
        int window = c.count("sliding_window", 0);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 100_000, false);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        Linear head = c.flag("tie_word_embeddings", true)
                ? embedding.asLinear()
                : Linear.load(w, "lm_head", hidden, rows, false);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> {
                    String name = "model.layers." + i;
                    Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope)
                            .withWindow(window);
                    return Block.loadWithLayerNorms(w, name, hidden, eps, attention, mlp(c, w, name, hidden, bias));
                }),
                LayerNorm.load(w, "model.norm", hidden, eps, true),
                head,
                rows);
    }

    private static FeedForward mlp(ModelConfig c, Weights w, String name, int hidden, boolean bias) {
        int inner = c.count("intermediate_size");
        return Mlp.loadUngated(w, name + ".mlp.c_fc", name + ".mlp.c_proj", hidden, inner, bias, Fast::gelu);
    }
}
