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
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.ParallelBlock;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * Command R: attention and the feed-forward layer beside each other, positions in all layers, and, as config.json says,
 * a norm of its own for each head. Source: mlx-lm's {@code models/cohere.py}.
 */
public final class Cohere {
    private Cohere() {}

    /** The model. Its head is the embedding, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = given.withDefaults(
                "hidden_size", 8192,
                "num_hidden_layers", 40,
                "intermediate_size", 22_528,
                "num_attention_heads", 64,
                "num_key_value_heads", 64,
                "vocab_size", 256_000,
                "layer_norm_eps", 1e-5);
        Shape shape = Shape.ofEqualHeads(c);
        int rows = c.count("vocab_size");
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 8_000_000, true);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, shape.hidden());
        Linear head = embedding.asLinear();
        double scale = c.number("logit_scale", 0.0625);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> {
                    String name = "model.layers." + i;
                    return new ParallelBlock(
                            norm(c, w, name + ".input_layernorm"),
                            attention(c, w, name + ".self_attn", shape, rope),
                            Mlp.load(w, name + ".mlp", shape.hidden(), c.count("intermediate_size")),
                            false);
                }),
                norm(c, w, "model.norm"),
                x -> Ops.multiply(head.apply(x), scale),
                rows);
    }

    private static LayerNorm norm(ModelConfig c, Weights w, String name) {
        boolean bias = c.flag("layer_norm_bias", false);
        return LayerNorm.load(w, name, c.count("hidden_size"), c.number("layer_norm_eps"), bias);
    }

    private static Attention attention(ModelConfig c, Weights w, String name, Shape s, Rope rope) {
        boolean bias = c.flag("attention_bias", false);
        double eps = c.number("layer_norm_eps");
        Attention plain = Attention.load(w, name, s, bias, bias, rope);
        return c.flag("use_qk_norm", false)
                ? plain.withHeadNorms(
                        LayerNorm.ofHeads(w, w.get(name + ".q_norm.weight", s.heads(), s.headDim()), eps),
                        LayerNorm.ofHeads(w, w.get(name + ".k_norm.weight", s.kvHeads(), s.headDim()), eps))
                : plain;
    }
}
