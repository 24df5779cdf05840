package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Fast;
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
    record View(MlxArray keys, MlxArray values, MlxArray mask) {

        /** Views of {@code [start, end)}. */
        static View of(PositionBuffers buffers, int start, int end, MlxArray mask) {
            return new View(buffers.view(0, start, end), buffers.view(1, start, end), mask);
        }

        /** The same where new positions also see some of the new ones behind them; null for none. */
        public View and(MlxArray ahead) {
            return ahead == null ? this : new View(keys, values, Masks.and(maskArray(ahead.dim(0)), ahead));
        }

        /** The mask as an array even where each position sees all up to itself, [length, context]. */
        public MlxArray maskArray(int length) {
            return mask != null ? mask : Masks.causal(length, keys.dim(2));
        }
    }

    /**
     * Appends positions, for attention that reads keys and values itself.
     *
     * @param newKeys [1, heads, length, dim]
     * @param newValues [1, heads, length, dim]
     * @throws UnsupportedOperationException if this cache does not keep keys and values as they are
     */
    View update(MlxArray newKeys, MlxArray newValues, int length);

    /**
     * Appends positions and attends to what they see, with the fused operation where the cache allows it.
     *
     * @param queries [1, heads, length, dim], where the heads of keys divide the heads of queries
     * @param newKeys [1, heads of keys, length, dim]
     * @param newValues [1, heads of keys, length, dim of values]
     * @param scale what scores are multiplied by
     * @param sinks a logit per head that takes part in the softmax and has no value; null for none
     * @param ahead true where a new position also sees a new one behind it, [length, length]; null for nowhere
     * @return [1, heads, length, dim of values]
     * @throws UnsupportedOperationException if this cache has no attention with sinks, and there are some
     */
    default MlxArray attend(
            MlxArray queries,
            MlxArray newKeys,
            MlxArray newValues,
            int length,
            float scale,
            MlxArray sinks,
            MlxArray ahead) {
        View all = update(newKeys, newValues, length).and(ahead);
        boolean causal = length > 1 && all.mask() == null;
        return Fast.attention(queries, all.keys(), all.values(), scale, causal, all.mask(), sinks);
    }
}
