package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.mlx.MlxArray;

/** A layer that keeps keys and values for attention. */
public interface AttentionCache extends LayerCache {

    /**
     * What the positions that were just added attend to, temporaries of the current scope.
     *
     * @param keys [1, heads, context, dim], ending with the new positions
     * @param values [1, heads, context, dim]
     * @param mask true where a new position sees a key, [length, context]; null if each sees all up to itself
     */
    record View(MlxArray keys, MlxArray values, MlxArray mask) {}

    /**
     * Appends positions.
     *
     * @param newKeys [1, heads, length, dim]
     * @param newValues [1, heads, length, dim]
     */
    View update(MlxArray newKeys, MlxArray newValues, int length);
}
