package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;

/** Which keys a query sees, where attention needs it as an array. */
public final class Masks {
    /** The last mask of a thread: all layers of a pass that see alike share it, as long as its scope is open. */
    private static final ThreadLocal<Made> LAST = new ThreadLocal<>();

    /** A mask, and what it was made for; a window of 0 sees all. */
    private record Made(int queries, int keys, int window, MlxArray mask) {
        private boolean serves(int ofQueries, int ofKeys, int ofWindow) {
            return queries == ofQueries && keys == ofKeys && window == ofWindow && !mask.isFreed();
        }
    }

    private Masks() {}

    /** True for keys up to the query's own, [queries, keys]; the last query stands at the last key. */
    public static MlxArray causal(int queries, int keys) {
        return window(queries, keys, 0);
    }

    /** As {@link #causal}, but for the last {@code window} keys only, the query's own included; 0 for all. */
    public static MlxArray window(int queries, int keys, int window) {
        Made last = LAST.get();
        if (last == null || !last.serves(queries, keys, window)) {
            last = new Made(queries, keys, window, make(queries, keys, window));
            LAST.set(last);
        }
        return last.mask;
    }

    private static MlxArray make(int queries, int keys, int window) {
        MlxArray rows = rows(queries, keys);
        MlxArray columns = columns(keys);
        MlxArray causal = Ops.greaterEqual(rows, columns);
        if (window == 0) {
            return causal;
        }
        MlxArray reach = MlxArray.of(new int[] {window}, 1);
        return Ops.logicalAnd(causal, Ops.less(rows, Ops.add(columns, reach)));
    }

    /** True for keys behind the query's own that belong to the same group, [groups, groups]. */
    static MlxArray ahead(int[] groups) {
        MlxArray all = MlxArray.of(groups, groups.length);
        MlxArray same = Ops.equal(Indexing.expandDims(all, 1), Indexing.expandDims(all, 0));
        MlxArray behind = Ops.less(rows(groups.length, groups.length), columns(groups.length));
        return Ops.logicalAnd(same, behind);
    }

    /**
     * The mask, and true as well where one of the last keys, as many as there are queries, is ahead and may be seen.
     */
    static MlxArray and(MlxArray mask, MlxArray ahead) {
        int before = mask.dim(1) - ahead.dim(1);
        return Ops.logicalOr(mask, Indexing.pad(ahead, 1, before, 0, MlxArray.scalar(0, DType.BOOL)));
    }

    private static MlxArray rows(int queries, int keys) {
        return Indexing.expandDims(Indexing.arange(keys - queries, keys, DType.INT32), 1);
    }

    private static MlxArray columns(int keys) {
        return Indexing.expandDims(Indexing.arange(0, keys, DType.INT32), 0);
    }
}
