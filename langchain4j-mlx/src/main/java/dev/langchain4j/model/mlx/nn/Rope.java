package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;

/** Rotary positions for queries and keys [1, heads, length, dim]. */
public interface Rope {
    /** No positions at all, as some layers of hybrid models have it. */
    Rope NONE = (x, offset) -> x;

    /** Turns each position by its angles; the first one stands at {@code offset}. */
    MlxArray apply(MlxArray x, int offset);
}
