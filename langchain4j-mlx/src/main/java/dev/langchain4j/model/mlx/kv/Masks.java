package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;

/** Which keys a query sees, where attention needs it as an array. */
public final class Masks {
    private Masks() {}

    /** True for keys up to the query's own, [queries, keys]; the last query stands at the last key. */
    public static MlxArray causal(int queries, int keys) {
        return Ops.greaterEqual(rows(queries, keys), columns(keys));
    }

    /** As {@link #causal}, but for the last {@code window} keys only, the query's own included. */
    public static MlxArray window(int queries, int keys, int window) {
        MlxArray reach = MlxArray.of(new int[] {window}, 1);
        MlxArray near = Ops.less(rows(queries, keys), Ops.add(columns(keys), reach));
        return Ops.logicalAnd(causal(queries, keys), near);
    }

    private static MlxArray rows(int queries, int keys) {
        return Indexing.expandDims(Indexing.arange(keys - queries, keys, DType.INT32), 1);
    }

    private static MlxArray columns(int keys) {
        return Indexing.expandDims(Indexing.arange(0, keys, DType.INT32), 0);
    }
}
