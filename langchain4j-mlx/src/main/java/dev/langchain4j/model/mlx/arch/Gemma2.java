package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.AttentionCache;
import dev.langchain4j.model.mlx.kv.KvCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.Map;

/**
 * Gemma 2: scores and logits squeezed by tanh, norms before and behind everything. As in mlx-lm, all layers attend to
 * the whole context. Source: mlx-lm's {@code models/gemma2.py}.
 */
public final class Gemma2 {

    private record CappedAttention(
            Linear q, Linear k, Linear v, Linear o, Shape shape, Rope rope, double scale, double cap)
            implements Decoder.Layer {

        static CappedAttention load(ModelConfig c, Weights w, String name, Shape s, Rope rope) {
            return new CappedAttention(
                    Linear.load(w, name + ".q_proj", s.hidden(), s.heads() * s.headDim(), false),
                    Linear.load(w, name + ".k_proj", s.hidden(), s.kvHeads() * s.headDim(), false),
                    Linear.load(w, name + ".v_proj", s.hidden(), s.kvHeads() * s.headDim(), false),
                    Linear.load(w, name + ".o_proj", s.heads() * s.headDim(), s.hidden(), false),
                    s,
                    rope,
                    1 / Math.sqrt(c.number("query_pre_attn_scalar", 144)),
                    c.number("attn_logit_softcapping", 50));
        }

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int layer) {
            int dim = shape.headDim();
            MlxArray queries = rope.apply(spans.splitHeads(q.apply(x), shape.heads(), dim), spans);
            MlxArray keys = rope.apply(spans.splitHeads(k.apply(x), shape.kvHeads(), dim), spans);
            MlxArray values = spans.splitHeads(v.apply(x), shape.kvHeads(), dim);
            MlxArray scaled = Ops.multiply(queries, scale);
            MlxArray attended = spans.eachHeads(layer, span -> {
                AttentionCache.View all =
                        ((AttentionCache) span.cache()).update(span.heads(keys), span.heads(values), span.length());
                return attend(span.heads(scaled), all, span.length());
            });
            return o.apply(spans.joinHeads(attended, shape.heads(), dim));
        }

        /** The fused operation has no cap, so scores are made here, grouped by the heads of keys. */
        private MlxArray attend(MlxArray queries, AttentionCache.View all, int length) {
            int group = shape.heads() / shape.kvHeads();
            int dim = shape.headDim();
            MlxArray grouped = Indexing.reshape(queries, 1, shape.kvHeads(), group, length, dim);
            MlxArray keys = Indexing.swapAxes(Indexing.expandDims(all.keys(), 2), -1, -2);
            MlxArray scores = capped(Ops.matmul(grouped, keys), cap);
            if (length > 1) {
                MlxArray lowest = MlxArray.scalar(Double.NEGATIVE_INFINITY, scores.dtype());
                scores = Ops.where(all.maskArray(length), scores, lowest);
            }
            MlxArray y = Ops.matmul(Ops.softmax(scores, -1, true), Indexing.expandDims(all.values(), 2));
            return Indexing.reshape(y, 1, shape.heads(), length, dim);
        }

        @Override
        public LayerCache newCache() {
            return new KvCache();
        }
    }

    private Gemma2() {}

    private static MlxArray capped(MlxArray x, double cap) {
        return Ops.multiply(Ops.tanh(Ops.divide(x, cap)), cap);
    }

    /** The model. Its head is the embedding, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, c.count("head_dim"));
        int rows = c.count("vocab_size");
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 10_000, c.flag("rope_traditional", false));
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, shape.hidden());
        Linear head = embedding.asLinear();
        double cap = c.number("final_logit_softcapping", 30);
        double multiplier = Math.sqrt(shape.hidden());
        return new Decoder(
                ids -> Ops.multiply(embedding.apply(ids), multiplier),
                Decoder.layers(w, c, i -> block(c, w, "model.layers." + i, shape, rope)),
                RmsNorm.loadFromOne(w, "model.norm", shape.hidden(), c.number("rms_norm_eps")),
                head.capped(cap),
                rows);
    }

    private static Block block(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        int hidden = shape.hidden();
        double eps = c.number("rms_norm_eps");
        return new Block(
                RmsNorm.loadFromOne(w, name + ".input_layernorm", hidden, eps),
                CappedAttention.load(c, w, name + ".self_attn", shape, rope),
                RmsNorm.loadFromOne(w, name + ".post_attention_layernorm", hidden, eps),
                RmsNorm.loadFromOne(w, name + ".pre_feedforward_layernorm", hidden, eps),
                Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"), false, Gating.GELU_TANH),
                RmsNorm.loadFromOne(w, name + ".post_feedforward_layernorm", hidden, eps));
    }

    /** Drops the copy of the embedding that some exports have. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
    }
}
