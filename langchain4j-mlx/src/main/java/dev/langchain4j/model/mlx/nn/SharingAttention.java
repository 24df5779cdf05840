package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.AttentionCache;
import dev.langchain4j.model.mlx.kv.KvCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.RotatingKvCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Attention of Gemma 3n and 4, over keys and values of its own, or over another layer's if {@code own} is null. Scores
 * are not scaled: norms see to their size.
 */
public record SharingAttention(Linear q, Linear o, RmsNorm qNorm, KeysValues own, Shape shape, Rope rope) {

    /**
     * Makes keys and values.
     *
     * @param v null where keys serve as values
     * @param window positions that each one sees; 0 for all
     * @param bothWays whether the tokens of a picture attend to one another in both directions
     */
    public record KeysValues(Linear k, Linear v, RmsNorm kNorm, int window, boolean bothWays) {

        /** The projections of the attention of this name. */
        public static KeysValues load(Weights w, String name, Shape s, boolean keysAreValues, double eps, int window) {
            int width = s.kvHeads() * s.headDim();
            return new KeysValues(
                    Linear.load(w, name + ".k_proj", s.hidden(), width, false),
                    keysAreValues ? null : Linear.load(w, name + ".v_proj", s.hidden(), width, false),
                    RmsNorm.load(w, name + ".k_norm", s.headDim(), eps),
                    window,
                    false);
        }

        /** The same for tokens of a picture that attend to one another in both directions. */
        public KeysValues withPicturesBothWays() {
            return new KeysValues(k, v, kNorm, window, true);
        }
    }

    /** Attention of this name over these keys and values; null for another layer's. */
    public static SharingAttention load(Weights w, String name, Shape s, KeysValues own, double eps, Rope rope) {
        int dim = s.headDim();
        return new SharingAttention(
                Linear.load(w, name + ".q_proj", s.hidden(), s.heads() * dim, false),
                Linear.load(w, name + ".o_proj", s.heads() * dim, s.hidden(), false),
                RmsNorm.load(w, name + ".q_norm", dim, eps),
                own,
                s,
                rope);
    }

    /** Appends to the layer's cache in each sequence, and gives what later layers attend to as well, by span. */
    public List<AttentionCache.View> append(MlxArray x, Spans spans, int layer) {
        MlxArray keys = keys(x, spans);
        MlxArray values = values(x, spans);
        List<AttentionCache.View> views = new ArrayList<>();
        for (Spans.Span span : spans.at(layer)) {
            AttentionCache cache = (AttentionCache) span.cache();
            AttentionCache.View view = cache.update(span.heads(keys), span.heads(values), span.length());
            views.add(own.bothWays ? view.and(span.ahead()) : view);
        }
        return views;
    }

    private MlxArray keys(MlxArray x, Spans spans) {
        MlxArray heads = spans.splitHeads(own.k.apply(x), shape.kvHeads(), shape.headDim());
        return rope.apply(own.kNorm.apply(heads), spans);
    }

    private MlxArray values(MlxArray x, Spans spans) {
        Linear projection = own.v == null ? own.k : own.v;
        MlxArray heads = spans.splitHeads(projection.apply(x), shape.kvHeads(), shape.headDim());
        return Fast.rmsNorm(heads, null, own.kNorm.eps());
    }

    /** Attention to what a layer holds of each sequence. */
    public MlxArray apply(MlxArray x, List<AttentionCache.View> views, Spans spans, int layer) {
        MlxArray queries = queries(x, spans);
        return joined(
                spans.eachHeads(layer, span -> {
                    AttentionCache.View all = views.get(span.index());
                    boolean causal = span.length() > 1 && all.mask() == null;
                    return Fast.attention(span.heads(queries), all.keys(), all.values(), 1, causal, all.mask(), null);
                }),
                spans);
    }

    /** As the other one, where no later layer attends to the same. */
    public MlxArray apply(MlxArray x, Spans spans, int layer) {
        return joined(
                spans.attend(layer, queries(x, spans), keys(x, spans), values(x, spans), 1, null, own.bothWays), spans);
    }

    private MlxArray queries(MlxArray x, Spans spans) {
        MlxArray heads = qNorm.apply(spans.splitHeads(q.apply(x), shape.heads(), shape.headDim()));
        return rope.apply(heads, spans);
    }

    private MlxArray joined(MlxArray attended, Spans spans) {
        return o.apply(spans.joinHeads(attended, shape.heads(), shape.headDim()));
    }

    /** An empty state for a new sequence, of a layer with keys and values of its own. */
    public LayerCache newCache() {
        return own.window == 0 ? new KvCache() : new RotatingKvCache(own.window);
    }

    /**
     * The layer whose keys and values another one attends to: the last one of its kind that has any.
     *
     * @param types kind of each layer
     * @param firstShared first layer that has none
     * @return -1 if there is no such layer
     */
    public static int owner(List<String> types, int firstShared, int layer) {
        return types.subList(0, firstShared).lastIndexOf(types.get(layer));
    }
}
