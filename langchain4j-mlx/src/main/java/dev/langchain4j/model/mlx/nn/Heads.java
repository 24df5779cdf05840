package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;

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
}
