package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.mlx.MlxArray;

/** The last positions of a {@link RotatingKvCache}, in buffers of its own; both are null before the first token. */
record WindowState(MlxArray keys, MlxArray values, int end) implements Snapshot {

    @Override
    public int start() {
        return 0;
    }

    @Override
    public long bytes() {
        return keys == null ? 0 : keys.bytes() + values.bytes();
    }

    @Override
    public Snapshot slice(int from, int to) {
        throw new UnsupportedOperationException("the state of a sliding window has no slices");
    }

    @Override
    public void close() {
        if (keys != null) {
            keys.close();
            values.close();
        }
    }
}
