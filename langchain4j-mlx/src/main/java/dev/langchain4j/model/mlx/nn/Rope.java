package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.Spans;

/** Rotary positions for queries and keys [batch, heads, length, dim]. */
public interface Rope {
    /** No positions at all, as some layers of hybrid models have it. */
    Rope NONE = (x, offsets) -> x;

    /** Turns each position by its angles; the first one of each element of the batch stands at its offset. */
    MlxArray apply(MlxArray x, int[] offsets);

    /** Turns heads of these spans by the positions of their tokens. */
    default MlxArray apply(MlxArray x, Spans spans) {
        return apply(x, spans.positionsOfHeads());
    }
}
