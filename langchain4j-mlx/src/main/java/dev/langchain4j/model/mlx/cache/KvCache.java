package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;

/**
 * Keys and values of a full-attention layer, in two buffers [1, heads, capacity, dim] that grow by a quarter, so that
 * appending a token costs the same however long the context is.
 */
public final class KvCache implements AttentionCache {
    private final PositionBuffer keys = new PositionBuffer();
    private final PositionBuffer values = new PositionBuffer();
    private int capacity;
    private int offset;
    private int reserved;

    @Override
    public int offset() {
        return offset;
    }

    @Override
    public long bytes() {
        return keys.bytes() + values.bytes();
    }

    @Override
    public boolean sliceable() {
        return true;
    }

    @Override
    public View update(MlxArray newKeys, MlxArray newValues, int length) {
        int end = offset + length;
        if (end > capacity) {
            capacity = PositionBuffer.capacity(end, reserved, capacity);
            keys.grow(newKeys, capacity);
            values.grow(newValues, capacity);
        }
        keys.write(newKeys, offset, end);
        values.write(newValues, offset, end);
        offset = end;
        return all();
    }

    /** Views of all positions. */
    View all() {
        return new View(keys.view(0, offset), values.view(0, offset), null);
    }

    @Override
    public MlxArray[] buffers() {
        return keys.isEmpty() ? new MlxArray[0] : new MlxArray[] {keys.array(), values.array()};
    }

    @Override
    public Snapshot slice(int start, int end) {
        if (start < 0 || end > offset || start >= end) {
            throw new IllegalArgumentException("range [" + start + ", " + end + ") must be within [0, " + offset + ")");
        }
        return KvSlice.copy(keys.array(), values.array(), start, start, end);
    }

    @Override
    public Snapshot state() {
        throw new UnsupportedOperationException("a full-attention layer is kept by slices");
    }

    @Override
    public void reserve(int tokens) {
        reserved = tokens;
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof KvSlice slice) || slice.start() != offset) {
            throw new IllegalArgumentException("a slice that begins at " + offset + " was expected, not " + snapshot);
        }
        try (Scope scope = Scope.open()) {
            update(slice.keys(), slice.values(), slice.end() - slice.start());
        }
        Eval.eval(buffers());
    }

    @Override
    public void trimTo(int position) {
        if (position < 0 || position > offset) {
            throw new IllegalArgumentException("offset (" + position + ") must be within [0, " + offset + "]");
        }
        offset = position;
    }

    @Override
    public void close() {
        keys.close();
        values.close();
        capacity = 0;
        offset = 0;
    }
}
