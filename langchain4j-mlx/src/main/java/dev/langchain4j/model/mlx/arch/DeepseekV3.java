package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.kv.AttentionCache;
import dev.langchain4j.model.mlx.kv.KvCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.MultiLinear;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.Map;

/**
 * DeepSeek-V3 and -R1, Kimi K2: attention whose keys and values are kept as one short latent vector a position, and
 * experts chosen within groups. Source: mlx-lm's {@code models/deepseek_v3.py}; arXiv:2412.19437.
 */
public final class DeepseekV3 {

    /** Lengths of the parts of an attention layer. */
    private record Config(
            int hidden,
            int heads,
            int queryRank,
            int latent,
            int plainDim,
            int turnedDim,
            int valueDim,
            boolean bias,
            double scale) {

        static Config of(ModelConfig c) {
            int plain = c.count("qk_nope_head_dim");
            int turned = c.count("qk_rope_head_dim");
            return new Config(
                    c.count("hidden_size"),
                    c.count("num_attention_heads"),
                    c.isNull("q_lora_rank") ? 0 : c.count("q_lora_rank"),
                    c.count("kv_lora_rank"),
                    plain,
                    turned,
                    c.count("v_head_dim"),
                    c.flag("attention_bias", false),
                    Math.pow(plain + turned, -0.5) * temperature(RopeParameters.of(c)));
        }

        private static double temperature(RopeParameters positions) {
            double all =
                    positions.type().equals("default") ? 0 : positions.fields().number("mscale_all_dim", 0);
            return all == 0 ? 1 : Math.pow(Ropes.yarnScale(positions.factor(), all), 2);
        }
    }

    /** Attention over latent vectors, which the cache keeps as keys, beside positions, which it keeps as values. */
    private record LatentAttention(
            Linear queries,
            Linear latentAndPositions,
            RmsNorm latentNorm,
            MultiLinear embedQuery,
            MultiLinear unembedOut,
            Linear out,
            Rope rope,
            Config config)
            implements Decoder.Layer {
        private static final double EPS = 1e-6;

        static LatentAttention load(Weights w, String name, Config c, Rope rope) {
            return new LatentAttention(
                    queries(w, name, c),
                    Linear.load(w, name + ".kv_a_proj_with_mqa", c.hidden, c.latent + c.turnedDim, c.bias),
                    RmsNorm.load(w, name + ".kv_a_layernorm", c.latent, EPS),
                    MultiLinear.load(w, name + ".embed_q", c.heads, c.plainDim, c.latent),
                    MultiLinear.load(w, name + ".unembed_out", c.heads, c.latent, c.valueDim),
                    Linear.load(w, name + ".o_proj", c.heads * c.valueDim, c.hidden, c.bias),
                    rope,
                    c);
        }

        private static Linear queries(Weights w, String name, Config c) {
            int width = c.heads * (c.plainDim + c.turnedDim);
            if (c.queryRank == 0) {
                return Linear.load(w, name + ".q_proj", c.hidden, width, false);
            }
            Linear down = Linear.load(w, name + ".q_a_proj", c.hidden, c.queryRank, c.bias);
            RmsNorm norm = RmsNorm.load(w, name + ".q_a_layernorm", c.queryRank, EPS);
            Linear up = Linear.load(w, name + ".q_b_proj", c.queryRank, width, false);
            return x -> up.apply(norm.apply(down.apply(x)));
        }

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int layer) {
            int[] positions = spans.positionsOfHeads();
            MlxArray heads = spans.splitHeads(queries.apply(x), config.heads, config.plainDim + config.turnedDim);
            MlxArray[] query = Indexing.splitAt(heads, -1, config.plainDim);
            MlxArray[] key = Indexing.splitAt(latentAndPositions.apply(x), -1, config.latent);
            MlxArray turnedQuery = rope.apply(query[1], positions);
            MlxArray turnedKey = rope.apply(spans.splitHeads(key[1], 1, config.turnedDim), positions);
            MlxArray latent = spans.splitHeads(latentNorm.apply(key[0]), 1, config.latent);
            MlxArray attended = spans.eachHeads(layer, span -> {
                int length = span.length();
                AttentionCache.View all =
                        ((AttentionCache) span.cache()).update(span.heads(latent), span.heads(turnedKey), length);
                MlxArray scores = positionScores(span.heads(turnedQuery), all, length);
                MlxArray plain = span.heads(query[0]);
                return length == 1 ? attendOne(plain, all.keys(), scores) : attendMany(plain, all.keys(), scores);
            });
            return out.apply(spans.joinHeads(attended, config.heads, config.valueDim));
        }

        /** The share of positions in the scores, which attention takes as a mask that it adds. */
        private MlxArray positionScores(MlxArray query, AttentionCache.View all, int length) {
            MlxArray scores = Ops.matmul(Ops.multiply(query, config.scale), Indexing.swapAxes(all.values(), -1, -2));
            if (length == 1) {
                return scores;
            }
            MlxArray lowest = MlxArray.scalar(Double.NEGATIVE_INFINITY, scores.dtype());
            return Ops.where(all.maskArray(length), scores, lowest);
        }

        /** One position: the query goes to where latent vectors are, and comes back as values. */
        private MlxArray attendOne(MlxArray query, MlxArray latent, MlxArray scores) {
            float scale = (float) config.scale;
            MlxArray embedded = embedQuery.apply(query);
            return unembedOut.apply(Fast.attention(embedded, latent, latent, scale, false, scores, null));
        }

        /** Many positions: unpacking all latent vectors once costs less than longer queries. */
        private MlxArray attendMany(MlxArray query, MlxArray latent, MlxArray scores) {
            float scale = (float) config.scale;
            MlxArray keys = embedQuery.applyTransposed(latent);
            return Fast.attention(query, keys, unembedOut.apply(latent), scale, false, scores, null);
        }

        @Override
        public LayerCache newCache() {
            return new KvCache();
        }
    }

    private DeepseekV3() {}

    /** The model. It has a head of its own, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = defaults(given);
        Config config = Config.of(c);
        int hidden = config.hidden;
        int rows = c.count("vocab_size");
        double eps = c.number("rms_norm_eps");
        Rope rope = Ropes.of(w, RopeParameters.of(c), config.turnedDim, 10_000, true);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(c, i -> {
                    String name = "model.layers." + i;
                    LatentAttention attention = LatentAttention.load(w, name + ".self_attn", config, rope);
                    return Block.load(w, name, hidden, eps, attention, feedForward(c, w, name + ".mlp", i));
                }),
                RmsNorm.load(w, "model.norm", hidden, eps),
                Linear.load(w, "lm_head", hidden, rows, false),
                rows);
    }

    private static ModelConfig defaults(ModelConfig c) {
        return c.withDefaults(
                "vocab_size", 102_400,
                "hidden_size", 4096,
                "intermediate_size", 11_008,
                "moe_intermediate_size", 1407,
                "num_hidden_layers", 30,
                "num_attention_heads", 32,
                "kv_lora_rank", 512,
                "q_lora_rank", 1536,
                "qk_rope_head_dim", 64,
                "v_head_dim", 128,
                "qk_nope_head_dim", 128,
                "rms_norm_eps", 1e-6);
    }

    private static FeedForward feedForward(ModelConfig c, Weights w, String name, int layer) {
        return c.has("n_routed_experts")
                        && layer >= c.integer("first_k_dense_replace", 0)
                        && layer % c.count("moe_layer_freq", 1) == 0
                ? Glm4Moe.experts(c, w, name)
                : Mlp.load(w, name, c.count("hidden_size"), c.count("intermediate_size"));
    }

    /**
     * Unpacks what raw folders have in 8 or 4 bits, stacks their experts, parts kv_b_proj by use, and drops what predicts
     * several tokens ahead.
     */
    public static void sanitize(ModelConfig given, Map<String, MlxArray> tensors) {
        ModelConfig c = defaults(given);
        Tensors.renamePackedWords(tensors);
        Tensors.dequantizeFp8Blocks(tensors);
        Tensors.stackExperts(c, tensors, c.integer("n_routed_experts", 0));
        Tensors.dropLayersBehind(c, tensors);
        for (int i = 0; i < c.count("num_hidden_layers"); i++) {
            partKeysAndValues(c, tensors, "model.layers." + i + ".self_attn");
        }
    }

    private static void partKeysAndValues(ModelConfig c, Map<String, MlxArray> tensors, String name) {
        MlxArray both = tensors.remove(name + ".kv_b_proj.weight");
        if (both == null) {
            return;
        }
        MlxArray scales = tensors.remove(name + ".kv_b_proj.scales");
        MlxArray biases = tensors.remove(name + ".kv_b_proj.biases");
        Format format = null;
        if (scales != null && biases != null) {
            int latent = c.count("kv_lora_rank");
            format = new Format(latent / scales.dim(-1), both.dim(-1) * 32 / latent, "affine");
            both = Quantized.dequantize(both, scales, biases, format, null);
        }
        int plain = c.count("qk_nope_head_dim");
        int width = plain + c.count("v_head_dim");
        MlxArray heads = Indexing.unflatten(both, 0, both.dim(0) / width, width);
        put(tensors, name + ".embed_q", Indexing.swapAxes(Indexing.slice(heads, 1, 0, plain), -1, -2), format);
        put(tensors, name + ".unembed_out", Indexing.slice(heads, 1, plain, width), format);
    }

    private static void put(Map<String, MlxArray> tensors, String name, MlxArray matrices, Format format) {
        MlxArray whole = Indexing.contiguous(matrices);
        if (format == null) {
            tensors.put(name + ".weight", whole);
            return;
        }
        MlxArray[] parts = Quantized.quantize(whole, format);
        tensors.put(name + ".weight", parts[0]);
        tensors.put(name + ".scales", parts[1]);
        tensors.put(name + ".biases", parts[2]);
    }
}
