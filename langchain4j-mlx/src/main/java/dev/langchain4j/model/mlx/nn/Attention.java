package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.KvCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.RotatingKvCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Shard;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.List;

/**
 * Grouped-query attention with rotary positions, over the whole context or a sliding window.
 *
 * @param qkv queries, keys and values, [1, tokens, heads * dim] each, of the layer's input
 * @param qNorm norm of queries, by head or over all heads as {@code normsHeads} says; null for none
 * @param queryRope positions of queries
 * @param keyRope positions of keys
 * @param scale what scores are multiplied by
 * @param window positions that each one sees, itself included; 0 for all
 * @param sinks a logit per head that takes part in the softmax and has no value; null for none
 * @param precise whether scores and weights are of single precision, whatever the type of the input
 * @param bothWays whether the tokens of a picture attend to one another in both directions
 */
public record Attention(
        Shape shape,
        Projections qkv,
        Linear o,
        Norm qNorm,
        Norm kNorm,
        boolean normsHeads,
        Rope queryRope,
        Rope keyRope,
        float scale,
        int window,
        MlxArray sinks,
        boolean precise,
        boolean bothWays)
        implements Decoder.Layer {

    /** Lengths of the parts of an attention layer. */
    public record Shape(int hidden, int heads, int kvHeads, int headDim) {

        /**
         * What config.json says.
         *
         * @param headDim dimensions of a head; 0 for head_dim, or the heads' share of hidden_size
         */
        public static Shape of(ModelConfig c, int headDim) {
            int hidden = c.count("hidden_size");
            int heads = c.count("num_attention_heads");
            int kvHeads = c.count("num_key_value_heads", heads);
            if (heads % kvHeads != 0) {
                throw c.invalid("num_key_value_heads", kvHeads, "must divide num_attention_heads (" + heads + ")");
            }
            int dim = headDim > 0 ? headDim : c.count("head_dim", Math.max(1, hidden / heads));
            return new Shape(hidden, heads, kvHeads, dim);
        }

        /**
         * The share of the heads that is loaded here, of attention whose output goes through the layer of this name.
         */
        public Shard shard(Weights w, String output) {
            int ranks = w.shard().size();
            return kvHeads % ranks == 0 || ranks % kvHeads == 0 ? w.shard(output, heads, headDim) : Shard.WHOLE;
        }

        /** The heads of a share. */
        public Shape on(Shard shard) {
            return new Shape(hidden, heads / shard.size(), Math.max(1, kvHeads / shard.size()), headDim);
        }

        /** What a share has of a dimension with an entry for each head. */
        public Part queryHeads(Shard shard) {
            return shard.heads(heads);
        }

        /** The same for each head of keys and values. */
        public Part keyHeads(Shard shard) {
            return shard.kvHeads(kvHeads);
        }

        /** As {@link #of}, for architectures that know no head_dim. */
        public static Shape ofEqualHeads(ModelConfig c) {
            return of(c, Math.max(1, c.count("hidden_size") / c.count("num_attention_heads")));
        }

        /** Lengths of the queries, keys and values of a token. */
        public int[] widths() {
            return new int[] {heads * headDim, kvHeads * headDim, kvHeads * headDim};
        }
    }

    /** Attention of this name without norms, scaled by the root of a head's dimensions, over the whole context. */
    public static Attention load(
            Weights w, String name, Shape s, boolean qkvBias, boolean outputBias, Rope queryRope, Rope keyRope) {
        Shard shard = s.shard(w, name + ".o_proj");
        Part queries = s.queryHeads(shard).times(s.headDim);
        Part keys = s.keyHeads(shard).times(s.headDim);
        List<String> names = List.of(name + ".q_proj", name + ".k_proj", name + ".v_proj");
        return of(
                s.on(shard),
                Projections.load(w, s.hidden, qkvBias, names, queries, keys, keys),
                Linear.loadColumns(w, name + ".o_proj", queries, s.hidden, outputBias),
                queryRope,
                keyRope);
    }

    /** Attention of these parts without norms, scaled by the root of a head's dimensions, over the whole context. */
    public static Attention of(Shape s, Projections qkv, Linear o, Rope queryRope, Rope keyRope) {
        float scale = (float) Math.pow(s.headDim, -0.5);
        return new Attention(s, qkv, o, null, null, true, queryRope, keyRope, scale, 0, null, false, false);
    }

    /** Attention as {@code of} makes it, with one matrix of this name for queries, keys and values. */
    public static Attention loadFused(
            Weights w, String qkv, String output, Shape s, boolean qkvBias, boolean outputBias, Rope rope) {
        Shard shard = s.shard(w, output);
        Part queries = s.queryHeads(shard).times(s.headDim);
        Part keys = s.keyHeads(shard).times(s.headDim);
        Shape own = s.on(shard);
        Linear all = Linear.loadRows(w, qkv, s.hidden, queries.and(keys).and(keys), qkvBias);
        Linear o = Linear.loadColumns(w, output, queries, s.hidden, outputBias);
        return of(own, Projections.fused(all, own.widths()), o, rope, rope);
    }

    /** As the other {@code load}, with the same positions for queries and keys. */
    public static Attention load(Weights w, String name, Shape s, boolean qkvBias, boolean outputBias, Rope rope) {
        return load(w, name, s, qkvBias, outputBias, rope, rope);
    }

    /** This attention with norms on each head of queries and keys. */
    public Attention withHeadNorms(Norm ofQueries, Norm ofKeys) {
        return new Attention(
                shape, qkv, o, ofQueries, ofKeys, true, queryRope, keyRope, scale, window, sinks, precise, bothWays);
    }

    /** This attention with norms over all heads of queries, and of keys. */
    public Attention withWholeNorms(Norm ofQueries, Norm ofKeys) {
        return new Attention(
                shape, qkv, o, ofQueries, ofKeys, false, queryRope, keyRope, scale, window, sinks, precise, bothWays);
    }

    /** This attention with another scale. */
    public Attention withScale(double factor) {
        return new Attention(
                shape,
                qkv,
                o,
                qNorm,
                kNorm,
                normsHeads,
                queryRope,
                keyRope,
                (float) factor,
                window,
                sinks,
                precise,
                bothWays);
    }

    /** This attention over a sliding window; 0 for the whole context. */
    public Attention withWindow(int positions) {
        return new Attention(
                shape,
                qkv,
                o,
                qNorm,
                kNorm,
                normsHeads,
                queryRope,
                keyRope,
                scale,
                positions,
                sinks,
                precise,
                bothWays);
    }

    /** This attention with a logit per head that has no value. */
    public Attention withSinks(MlxArray logits) {
        return new Attention(
                shape, qkv, o, qNorm, kNorm, normsHeads, queryRope, keyRope, scale, window, logits, precise, bothWays);
    }

    /** This attention with scores and weights of single precision, whatever the type of the input. */
    public Attention inSinglePrecision() {
        return new Attention(
                shape, qkv, o, qNorm, kNorm, normsHeads, queryRope, keyRope, scale, window, sinks, true, bothWays);
    }

    /** This attention with tokens of a picture that attend to one another in both directions. */
    public Attention withPicturesBothWays() {
        return new Attention(
                shape, qkv, o, qNorm, kNorm, normsHeads, queryRope, keyRope, scale, window, sinks, precise, true);
    }

    @Override
    public MlxArray apply(MlxArray x, Spans spans, int layer) {
        return joined(attended(x, spans, layer), spans);
    }

    /** What comes out of each head: heads of these spans. */
    MlxArray attended(MlxArray x, Spans spans, int layer) {
        MlxArray[] all = qkv.of(x);
        MlxArray queries = queryRope.apply(heads(all[0], qNorm, shape.heads, spans), spans);
        MlxArray keys = keyRope.apply(heads(all[1], kNorm, shape.kvHeads, spans), spans);
        MlxArray values = heads(all[2], null, shape.kvHeads, spans);
        if (!precise) {
            return spans.attend(layer, queries, keys, values, scale, sinks, bothWays);
        }
        // keys and values are promoted to the type of the queries
        MlxArray single = Ops.astype(queries, DType.FLOAT32);
        return Ops.astype(spans.attend(layer, single, keys, values, scale, sinks, bothWays), values.dtype());
    }

    /** The output of the layer for what comes out of each head. */
    MlxArray joined(MlxArray attended, Spans spans) {
        return o.apply(spans.joinHeads(attended, shape.heads, shape.headDim));
    }

    private MlxArray heads(MlxArray x, Norm norm, int count, Spans spans) {
        if (norm == null) {
            return spans.splitHeads(x, count, shape.headDim);
        }
        return normsHeads
                ? norm.apply(spans.splitHeads(x, count, shape.headDim))
                : spans.splitHeads(norm.apply(x), count, shape.headDim);
    }

    @Override
    public LayerCache newCache() {
        return window == 0 ? new KvCache() : new RotatingKvCache(window);
    }
}
