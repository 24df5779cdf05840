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
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.function.IntFunction;

/**
 * Granite 3: Llama with a multiplier for embeddings, attention scores, residuals and logits each. Source: mlx-lm's
 * {@code models/granite.py}.
 */
public final class Granite {

    /** Adds attention and the feed-forward layer a fraction at a time. */
    record ScaledBlock(
            RmsNorm inputNorm, Decoder.Layer attention, RmsNorm postAttentionNorm, FeedForward mlp, double multiplier)
            implements Decoder.Layer {

        /** The block of this name, with the fields that this family has in config.json. */
        static ScaledBlock load(ModelConfig c, Weights w, String name, Decoder.Layer attention, FeedForward mlp) {
            int hidden = c.count("hidden_size");
            double eps = c.number("rms_norm_eps");
            return new ScaledBlock(
                    RmsNorm.load(w, name + ".input_layernorm", hidden, eps),
                    attention,
                    RmsNorm.load(w, name + ".post_attention_layernorm", hidden, eps),
                    mlp,
                    c.number("residual_multiplier"));
        }

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
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), Double.NaN, false);
        int inner = c.count("intermediate_size");
        return create(c, w, i -> {
            String name = "model.layers." + i;
            Mlp mlp = Mlp.load(w, name + ".mlp", shape.hidden(), inner, c.flag("mlp_bias", false), Gating.SILU);
            return ScaledBlock.load(c, w, name, attention(c, w, name + ".self_attn", shape, rope), mlp);
        });
    }

    /** A model of these blocks, with the multipliers that this family has in config.json. */
    static LanguageModel create(ModelConfig c, Weights w, IntFunction<ScaledBlock> block) {
        int hidden = c.count("hidden_size");
        int rows = c.count("vocab_size");
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        Linear head = c.flag("tie_word_embeddings", true)
                ? embedding.asLinear()
                : Linear.load(w, "lm_head", hidden, rows, false);
        double onEmbeddings = c.number("embedding_multiplier");
        double onLogits = c.number("logits_scaling");
        return new Decoder(
                ids -> Ops.multiply(embedding.apply(ids), onEmbeddings),
                Decoder.layers(w, c, block),
                RmsNorm.load(w, "model.norm", hidden, c.number("rms_norm_eps")),
                x -> Ops.divide(head.apply(x), onLogits),
                rows);
    }

    static Attention attention(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        boolean bias = c.flag("attention_bias", false);
        return Attention.load(w, name, shape, bias, bias, rope).withScale(c.number("attention_multiplier"));
    }
}
