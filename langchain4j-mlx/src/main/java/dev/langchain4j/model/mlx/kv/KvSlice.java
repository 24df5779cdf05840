package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;

/** A range of positions of a {@link KvCache}, in buffers of its own [1, heads, end - start, dim]. */
final class KvSlice implements Snapshot {
    private final MlxArray keys;
    private final MlxArray values;
    private final int start;
    private final int end;

    /** Takes ownership of copied keys and values. */
    KvSlice(MlxArray[] keysAndValues, int start, int end) {
        this.keys = keysAndValues[0];
        this.values = keysAndValues[1];
        this.start = start;
        this.end = end;
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
    public int bufferCount() {
        return 2;
    }

    @Override
    public MlxArray[] arrays() {
        return new MlxArray[] {keys, values};
    }

    @Override
    public Snapshot slice(int from, int to) {
        Positions.checkRange(from, to, start, end);
        return new KvSlice(Copies.owned(a -> Indexing.slice(a, 2, from - start, to - start), keys, values), from, to);
    }

    @Override
    public void close() {
        keys.close();
        values.close();
    }
}
