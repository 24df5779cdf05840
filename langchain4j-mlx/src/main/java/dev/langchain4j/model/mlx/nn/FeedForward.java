package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;

/** What follows attention in a block: dense or a mixture of experts. Keeps nothing between calls. */
public interface FeedForward {

    /** Applies the layer to [1, length, dimension]; the shape stays. */
    MlxArray apply(MlxArray x);
}
