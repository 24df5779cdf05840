package dev.langchain4j.model.mlx.arch;

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
import dev.langchain4j.model.mlx.nn.LayerNorm;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * Nemotron 4 and Minitron: norms that subtract the mean and are stored as their distance from one, and a feed-forward
 * layer without gate, of squares. Source: mlx-lm's {@code models/nemotron.py}.
 */
public final class Nemotron {
    private Nemotron() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        RopeParameters positions = RopeParameters.of(c);
        boolean traditional = c.flag("rope_traditional", false);
        Rope rope = Ropes.of(w, positions, positions.dims(shape.headDim(), 0.5), 10_000, traditional);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        Linear head = c.flag("tie_word_embeddings", false)
                ? embedding.asLinear()
                : Linear.load(w, "lm_head", hidden, rows, false);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> block(c, w, "model.layers." + i, shape, rope)),
                LayerNorm.loadFromOne(w, "model.norm", hidden, c.number("norm_eps")),
                head,
                rows);
    }

    private static Block block(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        int hidden = shape.hidden();
        int inner = c.count("intermediate_size");
        double eps = c.number("norm_eps");
        boolean bias = c.flag("attention_bias", false);
        String up = name + ".mlp.up_proj";
        String down = name + ".mlp.down_proj";
        return new Block(
                LayerNorm.loadFromOne(w, name + ".input_layernorm", hidden, eps),
                Attention.load(w, name + ".self_attn", shape, bias, bias, rope),
                null,
                LayerNorm.loadFromOne(w, name + ".post_attention_layernorm", hidden, eps),
                Mlp.loadUngated(w, up, down, hidden, inner, c.flag("mlp_bias", false), Nemotron::squaredRelu),
                null);
    }

    private static MlxArray squaredRelu(MlxArray x) {
        return Ops.square(Ops.maximum(x, MlxArray.scalar(0, x.dtype())));
    }
}
