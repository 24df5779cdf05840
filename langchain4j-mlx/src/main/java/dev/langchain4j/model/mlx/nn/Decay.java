package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;

/** What decays from position to position. */
final class Decay {
    private Decay() {}

    /**
     * The sum of rates from each position (column, itself excluded) to each later one (row); zero elsewhere. Adding
     * them up from each position on keeps digits that a difference of two long sums loses.
     *
     * @param rates logarithms of what a position keeps, [..., length]
     * @return [..., length, length]
     */
    static MlxArray sums(MlxArray rates) {
        MlxArray rows = Indexing.repeat(Indexing.expandDims(rates, -1), rates.dim(-1), -1);
        return Ops.cumsum(Indexing.tril(rows, -1), -2, false, true);
    }
}
