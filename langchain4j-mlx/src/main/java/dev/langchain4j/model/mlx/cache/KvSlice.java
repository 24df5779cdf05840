package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;

/** A range of positions of a {@link KvCache}, in buffers of its own [1, heads, end - start, dim]. */
final class KvSlice implements Snapshot {
    private final MlxArray keys;
    private final MlxArray values;
    private final int start;
    private final int end;

    private KvSlice(MlxArray keys, MlxArray values, int start, int end) {
        this.keys = keys;
        this.values = values;
        this.start = start;
        this.end = end;
    }

    /** Copies [start, end) out of buffers whose first position is {@code start - index}. */
    static KvSlice copy(MlxArray keys, MlxArray values, int index, int start, int end) {
        MlxArray k;
        MlxArray v;
        try (Scope scope = Scope.open()) {
            k = part(keys, index, index + end - start).detach();
            v = part(values, index, index + end - start).detach();
        }
        Eval.eval(k, v);
        return new KvSlice(k, v, start, end);
    }

    /** A copy even where the range is the whole buffer, which MLX would share. */
    private static MlxArray part(MlxArray buffer, int from, int to) {
        int[] start = {0, 0, from, 0};
        int[] stop = {1, buffer.dim(1), to, buffer.dim(3)};
        return Indexing.copy(Indexing.contiguous(Indexing.slice(buffer, start, stop)));
    }

    MlxArray keys() {
        return keys;
    }

    MlxArray values() {
        return values;
    }

    @Override
    public int start() {
        return start;
    }

    @Override
    public int end() {
        return end;
    }

    @Override
    public long bytes() {
        return keys.bytes() + values.bytes();
    }

    @Override
    public Snapshot slice(int from, int to) {
        if (from < start || to > end || from >= to) {
            throw new IllegalArgumentException(
                    "range [" + from + ", " + to + ") must be within [" + start + ", " + end + ")");
        }
        return copy(keys, values, from - start, from, to);
    }

    @Override
    public void close() {
        keys.close();
        values.close();
    }
}
