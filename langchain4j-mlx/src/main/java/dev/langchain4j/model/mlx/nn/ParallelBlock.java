package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;

/**
 * Attention and a feed-forward layer beside each other: the output of one norm goes both ways.
 *
 * @param inputFirst whether attention is added to the input before the feed-forward layer is, instead of after: half
 *     precision rounds the one and the other sum
 */
public record ParallelBlock(Norm norm, Decoder.Layer attention, FeedForward mlp, boolean inputFirst)
        implements Decoder.Layer {

    @Override
    public MlxArray apply(MlxArray x, Spans spans, int layer) {
        MlxArray h = norm.apply(x);
        MlxArray attended = attention.apply(h, spans, layer);
        return inputFirst ? Ops.add(Ops.add(x, attended), mlp.apply(h)) : Ops.add(Ops.add(attended, mlp.apply(h)), x);
    }

    @Override
    public LayerCache newCache() {
        return attention.newCache();
    }
}
