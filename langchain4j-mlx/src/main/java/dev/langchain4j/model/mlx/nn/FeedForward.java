package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;

/** What follows attention in a block: dense or a mixture of experts. Keeps nothing between calls. */
public interface FeedForward {

    /** Applies the layer to [1, length, dimension]; the shape stays. */
    MlxArray apply(MlxArray x);

    /**
     * What this rank computes of it, where the layer is the sum of what all ranks compute: for who adds something to it
     * that is summed up, too. Null where the layer is whole on every rank.
     */
    default MlxArray partial(MlxArray x) {
        return null;
    }
}
