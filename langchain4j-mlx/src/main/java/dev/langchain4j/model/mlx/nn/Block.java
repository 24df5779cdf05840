package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.Weights;

/**
 * Attention and a feed-forward layer, each added to what goes around it. Architectures differ in where they put norms;
 * any of the four may be null.
 */
public record Block(
        Norm beforeAttention,
        Decoder.Layer attention,
        Norm afterAttention,
        Norm beforeMlp,
        FeedForward mlp,
        Norm afterMlp)
        implements Decoder.Layer {

    /** The usual block: input_layernorm before attention, post_attention_layernorm before the feed-forward layer. */
    public static Block load(
            Weights weights, String name, int dimension, double eps, Decoder.Layer attention, FeedForward mlp) {
        RmsNorm first = RmsNorm.load(weights, name + ".input_layernorm", dimension, eps);
        RmsNorm second = RmsNorm.load(weights, name + ".post_attention_layernorm", dimension, eps);
        return new Block(first, attention, null, second, mlp, null);
    }

    /** As {@link #load}, with norms that subtract the mean and have biases. */
    public static Block loadWithLayerNorms(
            Weights weights, String name, int dimension, double eps, Decoder.Layer attention, FeedForward mlp) {
        LayerNorm first = LayerNorm.load(weights, name + ".input_layernorm", dimension, eps, true);
        LayerNorm second = LayerNorm.load(weights, name + ".post_attention_layernorm", dimension, eps, true);
        return new Block(first, attention, null, second, mlp, null);
    }

    @Override
    public MlxArray apply(MlxArray x, Spans spans, int layer) {
        MlxArray attended = attention.apply(normed(beforeAttention, x), spans, layer);
        MlxArray h = Ops.add(x, normed(afterAttention, attended));
        return Ops.add(h, normed(afterMlp, mlp.apply(normed(beforeMlp, h))));
    }

    private static MlxArray normed(Norm norm, MlxArray x) {
        return norm == null ? x : norm.apply(x);
    }

    @Override
    public LayerCache newCache() {
        return attention.newCache();
    }
}
