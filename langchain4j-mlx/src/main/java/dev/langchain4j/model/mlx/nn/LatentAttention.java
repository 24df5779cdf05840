package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.kv.AttentionCache;
import dev.langchain4j.model.mlx.kv.KvCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.QuantizedKvCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Partwise;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Map;

/**
 * Attention over one short latent vector a position, which the cache keeps as its key, beside the part of keys that
 * turns, which it keeps as its value. Source: mlx-lm's {@code models/deepseek_v3.py} and {@code mla.py};
 * arXiv:2405.04434.
 *
 * @param queryDown hidden size to what queries are made of; null where they are made at once
 * @param embedQuery queries to where latent vectors are; backwards, latent vectors to keys
 * @param unembedOut latent vectors to values
 * @param indexer chooses the positions that are read, and has keys of its own beside those that turn; null for all
 */
public record LatentAttention(
        Linear queryDown,
        Linear queryUp,
        Linear latentAndPositions,
        RmsNorm latentNorm,
        MultiLinear embedQuery,
        MultiLinear unembedOut,
        Linear out,
        Rope rope,
        Shape shape,
        Indexer indexer)
        implements Decoder.Layer {

    /** What the authors' norms of queries and latent vectors have, whatever rms_norm_eps says. */
    private static final double EPS = 1e-6;

    /**
     * Lengths of the parts of an attention layer.
     *
     * @param queryRank length that queries are projected to first; 0 for none
     * @param plainDim dimensions of a key that do not turn
     * @param scale what scores are multiplied by
     */
    public record Shape(
            int hidden, int heads, int queryRank, int latent, int plainDim, int turnedDim, int valueDim, double scale) {

        /** What config.json says. */
        public static Shape of(ModelConfig c) {
            int plain = c.count("qk_nope_head_dim");
            int turned = c.count("qk_rope_head_dim");
            return new Shape(
                    c.count("hidden_size"),
                    c.count("num_attention_heads"),
                    c.has("q_lora_rank") ? c.count("q_lora_rank") : 0,
                    c.count("kv_lora_rank"),
                    plain,
                    turned,
                    c.count("v_head_dim"),
                    Math.pow(plain + turned, -0.5) * temperature(RopeParameters.of(c)));
        }

        private static double temperature(RopeParameters positions) {
            double all =
                    positions.type().equals("default") ? 0 : positions.fields().number("mscale_all_dim", 0);
            return all == 0 ? 1 : Math.pow(Ropes.yarnScale(positions.factor(), all), 2);
        }

        /** The heads that are loaded here of the attention of this name. */
        public Part own(Weights w, String name) {
            return w.shard(name + ".o_proj", heads, valueDim).heads(heads);
        }

        private Shape withHeads(int some) {
            return new Shape(hidden, some, queryRank, latent, plainDim, turnedDim, valueDim, scale);
        }

        /** This shape with scores that are multiplied by one more factor. */
        public Shape scaled(double factor) {
            return new Shape(hidden, heads, queryRank, latent, plainDim, turnedDim, valueDim, scale * factor);
        }
    }

    /**
     * Attention of this name.
     *
     * @param bias whether the projections to and from hidden_size have one, but for queries that are projected at once
     */
    public static LatentAttention load(Weights w, String name, Shape s, boolean bias, Rope rope) {
        return of(
                w,
                name,
                s,
                bias,
                rope,
                MultiLinear.load(w, name + ".embed_q", s.own(w, name), s.plainDim, s.latent),
                MultiLinear.load(w, name + ".unembed_out", s.own(w, name), s.latent, s.valueDim));
    }

    /** As {@code load}, with these matrices, of the heads that this rank has. */
    public static LatentAttention of(
            Weights w, String name, Shape s, boolean bias, Rope rope, MultiLinear embedQuery, MultiLinear unembedOut) {
        Part heads = s.own(w, name);
        Part width = heads.times(s.plainDim + s.turnedDim);
        return new LatentAttention(
                s.queryRank == 0 ? null : queryDown(w, name, s, bias),
                s.queryRank == 0
                        ? Linear.loadRows(w, name + ".q_proj", s.hidden, width, false)
                        : Linear.loadRows(w, name + ".q_b_proj", s.queryRank, width, false),
                Linear.load(w, name + ".kv_a_proj_with_mqa", s.hidden, s.latent + s.turnedDim, bias),
                RmsNorm.load(w, name + ".kv_a_layernorm", s.latent, EPS),
                embedQuery,
                unembedOut,
                Linear.loadColumns(w, name + ".o_proj", heads.times(s.valueDim), s.hidden, bias),
                rope,
                s.withHeads(heads.length()),
                null);
    }

    private static Linear queryDown(Weights w, String name, Shape s, boolean bias) {
        Linear down = Linear.load(w, name + ".q_a_proj", s.hidden, s.queryRank, bias);
        RmsNorm norm = RmsNorm.load(w, name + ".q_a_layernorm", s.queryRank, EPS);
        return x -> norm.apply(down.apply(x));
    }

    /** This attention with latent vectors that are multiplied by a number. */
    public LatentAttention withLatentScale(Weights w, double factor) {
        RmsNorm scaled = new RmsNorm(w.adopt(Ops.multiply(latentNorm.weight(), factor)), latentNorm.eps());
        return new LatentAttention(
                queryDown, queryUp, latentAndPositions, scaled, embedQuery, unembedOut, out, rope, shape, indexer);
    }

    /** This attention over the positions that are chosen for each one; its queries must be made in two steps. */
    public LatentAttention withIndexer(Indexer of) {
        return new LatentAttention(
                queryDown, queryUp, latentAndPositions, latentNorm, embedQuery, unembedOut, out, rope, shape, of);
    }

    @Override
    public MlxArray apply(MlxArray x, Spans spans, int layer) {
        MlxArray ranked = queryDown == null ? x : queryDown.apply(x);
        MlxArray heads = spans.splitHeads(queryUp.apply(ranked), shape.heads, shape.plainDim + shape.turnedDim);
        MlxArray[] query = Indexing.splitAt(heads, -1, shape.plainDim);
        MlxArray[] key = Indexing.splitAt(latentAndPositions.apply(x), -1, shape.latent);
        MlxArray turnedQuery = rope.apply(query[1], spans);
        MlxArray turnedKey = rope.apply(spans.splitHeads(key[1], 1, shape.turnedDim), spans);
        MlxArray latent = spans.splitHeads(latentNorm.apply(key[0]), 1, shape.latent);
        MlxArray kept = indexer == null ? turnedKey : Indexing.concatenate(-1, turnedKey, indexer.keys(x, spans));
        Indexer.Search search = indexer == null ? null : indexer.search(x, ranked, spans);
        MlxArray attended = spans.eachHeads(layer, span -> {
            if (span.cache() instanceof QuantizedKvCache) {
                throw new UnsupportedOperationException("latent vectors, which all heads share, are not quantized");
            }
            int length = span.length();
            AttentionCache.View all =
                    ((AttentionCache) span.cache()).update(span.heads(latent), span.heads(kept), length);
            MlxArray mask = length == 1 ? null : all.maskArray(length);
            Read read = search == null
                    ? new Read(all.keys(), all.values(), mask)
                    : read(all, mask, new Indexer.Search(span.heads(search.queries()), span.heads(search.weights())));
            return attend(span.heads(query[0]), span.heads(turnedQuery), read);
        });
        return out.apply(spans.joinHeads(attended, shape.heads, shape.valueDim));
    }

    /**
     * The positions that attention reads.
     *
     * @param latent [1, 1, context, latent]
     * @param turnedKeys [1, 1, context, turned dim]
     * @param mask true where a position is seen, [length, context]; null for all
     */
    private record Read(MlxArray latent, MlxArray turnedKeys, MlxArray mask) {}

    /** The chosen ones: of one new position alone, of several all, with a mask. */
    private Read read(AttentionCache.View all, MlxArray mask, Indexer.Search search) {
        MlxArray[] keys = Indexing.splitAt(all.values(), -1, shape.turnedDim);
        int context = all.keys().dim(2);
        if (context <= indexer.chosen()) {
            return new Read(all.keys(), keys[0], mask);
        }
        MlxArray chosen = indexer.choose(search, keys[1], mask);
        if (mask == null) {
            MlxArray rows = Indexing.flatten(chosen, 0, -1);
            return new Read(Indexing.take(all.keys(), rows, 2), Indexing.take(keys[0], rows, 2), null);
        }
        MlxArray none = Indexing.zeros(DType.INT32, 1, 1, mask.dim(0), context);
        MlxArray marked = Indexing.putAlong(none, chosen, MlxArray.scalar(1, DType.INT32), -1);
        return new Read(all.keys(), keys[0], Ops.logicalAnd(marked, mask));
    }

    /** Attention of queries, [1, heads, length, dim], in two parts: those that do not turn and those that do. */
    private MlxArray attend(MlxArray query, MlxArray turnedQuery, Read read) {
        float scale = (float) shape.scale;
        MlxArray latent = read.latent;
        MlxArray scores = Ops.matmul(turnedQuery, Indexing.swapAxes(read.turnedKeys, -1, -2), shape.scale);
        if (read.mask != null) {
            scores = Ops.where(read.mask, scores, MlxArray.scalar(Double.NEGATIVE_INFINITY, scores.dtype()));
        }
        if (query.dim(2) == 1) {
            // the query goes to where latent vectors are, and comes back as values
            MlxArray embedded = embedQuery.apply(query);
            return unembedOut.apply(Fast.attention(embedded, latent, latent, scale, false, scores, null));
        }
        // unpacking all latent vectors once costs less than longer queries
        MlxArray keys = embedQuery.applyTransposed(latent);
        return Fast.attention(query, keys, unembedOut.apply(latent), scale, false, scores, null);
    }

    @Override
    public LayerCache newCache() {
        return new KvCache();
    }

    /** Parts kv_b_proj of the attention of this name, which raw folders have for keys and values, by use. */
    public static void partKeysAndValues(ModelConfig c, Map<String, MlxArray> tensors, String name) {
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
        MlxArray heads = Partwise.splitFirst(both, width);
        put(tensors, name + ".embed_q", Partwise.swapLast(Partwise.slice(heads, 1, 0, plain)), format);
        put(tensors, name + ".unembed_out", Partwise.slice(heads, 1, plain, width), format);
    }

    private static void put(Map<String, MlxArray> tensors, String name, MlxArray matrices, Format format) {
        if (format == null) {
            tensors.put(name + ".weight", matrices);
            return;
        }
        MlxArray[] parts = Quantized.quantize(matrices, format);
        tensors.put(name + ".weight", parts[0]);
        tensors.put(name + ".scales", parts[1]);
        tensors.put(name + ".biases", parts[2]);
    }
}
