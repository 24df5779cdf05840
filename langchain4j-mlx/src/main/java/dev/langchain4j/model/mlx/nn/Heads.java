package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.cache.AttentionCache;

/** Splitting into attention heads and back. A single position needs no transposition, only another shape. */
public final class Heads {
    private Heads() {}

    /** [1, length, heads * dim] to [1, heads, length, dim]. */
    public static MlxArray split(MlxArray x, int length, int heads, int dim) {
        return length == 1
                ? Indexing.reshape(x, 1, heads, 1, dim)
                : Indexing.transpose(Indexing.reshape(x, 1, length, heads, dim), 0, 2, 1, 3);
    }

    /** [1, heads, length, dim] to [1, length, heads * dim]. */
    public static MlxArray join(MlxArray x, int length, int heads, int dim) {
        return Indexing.reshape(length == 1 ? x : Indexing.transpose(x, 0, 2, 1, 3), 1, length, heads * dim);
    }

    /**
     * Puts keys and values into the cache and attends to what it shows, each position to those up to itself.
     *
     * @param sinks a logit per head that takes part in the softmax and has no value; null for none
     */
    public static MlxArray attend(
            MlxArray q, MlxArray k, MlxArray v, AttentionCache cache, int length, float scale, MlxArray sinks) {
        return cache.attend(q, k, v, length, scale, sinks);
    }
}
