package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * Granite 3: Llama with a multiplier for embeddings, attention scores, residuals and logits each. Source: mlx-lm's
 * {@code models/granite.py}.
 */
public final class Granite {

    /** Adds attention and the feed-forward layer a fraction at a time. */
    private record ScaledBlock(
            RmsNorm inputNorm, Attention attention, RmsNorm postAttentionNorm, Mlp mlp, double multiplier)
            implements Decoder.Layer {

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int layer) {
            MlxArray attended = attention.apply(inputNorm.apply(x), spans, layer);
            MlxArray h = Ops.add(x, Ops.multiply(attended, multiplier));
            return Ops.add(h, Ops.multiply(mlp.apply(postAttentionNorm.apply(h)), multiplier));
        }

        @Override
        public LayerCache newCache() {
            return attention.newCache();
        }
    }

    private Granite() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.ofEqualHeads(c);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        Linear head = c.flag("tie_word_embeddings", true)
                ? embedding.asLinear()
                : Linear.load(w, "lm_head", hidden, rows, false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), Double.NaN, false);
        double onEmbeddings = c.number("embedding_multiplier");
        double onLogits = c.number("logits_scaling");
        return new Decoder(
                ids -> Ops.multiply(embedding.apply(ids), onEmbeddings),
                Decoder.layers(c, i -> block(c, w, "model.layers." + i, shape, rope)),
                RmsNorm.load(w, "model.norm", hidden, c.number("rms_norm_eps")),
                x -> Ops.divide(head.apply(x), onLogits),
                rows);
    }

    private static ScaledBlock block(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        int hidden = shape.hidden();
        int inner = c.count("intermediate_size");
        boolean bias = c.flag("attention_bias", false);
        double eps = c.number("rms_norm_eps");
        return new ScaledBlock(
                RmsNorm.load(w, name + ".input_layernorm", hidden, eps),
                Attention.load(w, name + ".self_attn", shape, bias, bias, rope)
                        .withScale(c.number("attention_multiplier")),
                RmsNorm.load(w, name + ".post_attention_layernorm", hidden, eps),
                Mlp.load(w, name + ".mlp", hidden, inner, c.flag("mlp_bias", false), Gating.SILU),
                c.number("residual_multiplier"));
    }
}
