package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;

/** Attention and a feed-forward layer beside each other: the output of one norm goes both ways. */
public record ParallelBlock(Norm norm, Decoder.Layer attention, FeedForward mlp) implements Decoder.Layer {

    @Override
    public MlxArray apply(MlxArray x, Spans spans, int layer) {
        MlxArray h = norm.apply(x);
        return Ops.add(Ops.add(attention.apply(h, spans, layer), mlp.apply(h)), x);
    }

    @Override
    public LayerCache newCache() {
        return attention.newCache();
    }
}
