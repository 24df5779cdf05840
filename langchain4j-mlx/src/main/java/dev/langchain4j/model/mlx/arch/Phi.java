package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.LayerNorm;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.ParallelBlock;
import dev.langchain4j.model.mlx.nn.Projections;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.List;

/**
 * Phi-1.5 and Phi-2: attention and a feed-forward layer without gate beside each other, biases everywhere, positions on
 * a part of each head. Source: mlx-lm's {@code models/phi.py}.
 */
public final class Phi {
    private Phi() {}

    /** The model. It has a head of its own. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = given.withDefaults(
                "vocab_size", 51_200,
                "hidden_size", 2560,
                "num_attention_heads", 32,
                "num_hidden_layers", 32,
                "num_key_value_heads", 32,
                "intermediate_size", 10_240,
                "layer_norm_eps", 1e-5);
        Shape shape = Shape.ofEqualHeads(c);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        RopeParameters positions = RopeParameters.of(c);
        Rope rope = Ropes.of(w, positions, positions.dims(shape.headDim(), 0.4), 10_000, false);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> block(c, w, "model.layers." + i, shape, rope)),
                LayerNorm.load(w, "model.final_layernorm", hidden, c.number("layer_norm_eps"), true),
                Linear.load(w, "lm_head", hidden, rows, true),
                rows);
    }

    private static ParallelBlock block(ModelConfig c, Weights w, String name, Shape s, Rope rope) {
        String own = name + ".self_attn";
        int hidden = s.hidden();
        Attention attention = Attention.of(
                        s,
                        Projections.load(
                                w,
                                hidden,
                                true,
                                List.of(own + ".q_proj", own + ".k_proj", own + ".v_proj"),
                                s.widths()),
                        Linear.load(w, own + ".dense", s.heads() * s.headDim(), hidden, true),
                        rope,
                        rope)
                .inSinglePrecision();
        String fc1 = name + ".mlp.fc1";
        String fc2 = name + ".mlp.fc2";
        return new ParallelBlock(
                LayerNorm.load(w, name + ".input_layernorm", hidden, c.number("layer_norm_eps"), true),
                attention,
                Mlp.loadUngated(w, fc1, fc2, hidden, c.count("intermediate_size"), true, Fast::geluTanh),
                false);
    }
}
