package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;

/**
 * The positions that a {@link RotatingKvCache} or a {@link BoundedKvCache} holds, in buffers of its own; both are null
 * before the first token.
 */
record WindowState(MlxArray keys, MlxArray values, int end) implements Snapshot {

    /** Takes ownership of copied keys and values; there are none before the first token. */
    static WindowState of(MlxArray[] keysAndValues, int end) {
        return keysAndValues.length == 0
                ? new WindowState(null, null, end)
                : new WindowState(keysAndValues[0], keysAndValues[1], end);
    }

    @Override
    public int start() {
        return 0;
    }

    @Override
    public long bytes() {
        return keys == null ? 0 : keys.bytes() + values.bytes();
    }

    @Override
    public int bufferCount() {
        return keys == null ? 0 : 2;
    }

    /** A state of arrays that were read; of at most so many positions. */
    static WindowState read(MlxArray[] arrays, int positionsMax, int end) {
        if (arrays[0] == null && arrays[1] == null && end == 0) {
            return new WindowState(null, null, end);
        }
        Positions.checkKeysAndValues(arrays[0], arrays[1], Math.min(positionsMax, end), false);
        return new WindowState(arrays[0], arrays[1], end);
    }

    @Override
    public MlxArray[] arrays() {
        return new MlxArray[] {keys, values};
    }

    @Override
    public Snapshot slice(int from, int to) {
        throw new UnsupportedOperationException("the state of a layer that drops positions has no slices");
    }

    @Override
    public void close() {
        if (keys != null) {
            keys.close();
            values.close();
        }
    }
}
