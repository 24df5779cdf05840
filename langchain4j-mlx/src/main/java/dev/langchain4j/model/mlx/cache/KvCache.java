package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;

/**
 * Keys and values of a full-attention layer, in two buffers [1, heads, capacity, dim] that grow by a quarter, so that
 * appending a token costs the same however long the context is. Written in place: nobody else may hold a handle of a
 * buffer when an update is computed, or MLX copies all of it.
 */
public final class KvCache implements AttentionCache {
    private static final int STEP = 256;

    private MlxArray keys;
    private MlxArray values;
    private int capacity;
    private int offset;
    private int reserved;

    @Override
    public int offset() {
        return offset;
    }

    @Override
    public long bytes() {
        return keys == null ? 0 : keys.bytes() + values.bytes();
    }

    @Override
    public boolean sliceable() {
        return true;
    }

    @Override
    public View update(MlxArray newKeys, MlxArray newValues, int length) {
        int end = offset + length;
        if (end > capacity) {
            grow(newKeys, newValues, end);
        }
        keys = replaced(keys, newKeys, end);
        values = replaced(values, newValues, end);
        offset = end;
        return new View(head(keys, end), head(values, end), null);
    }

    @Override
    public MlxArray[] buffers() {
        return keys == null ? new MlxArray[0] : new MlxArray[] {keys, values};
    }

    private void grow(MlxArray newKeys, MlxArray newValues, int needed) {
        int wanted = Math.max(Math.max(needed, reserved), capacity + capacity / 4);
        capacity = Math.ceilDiv(wanted, STEP) * STEP;
        keys = grown(keys, newKeys);
        values = grown(values, newValues);
    }

    private MlxArray grown(MlxArray buffer, MlxArray like) {
        int[] shape = like.shape();
        DType type = like.dtype();
        shape[2] = buffer == null ? capacity : capacity - buffer.dim(2);
        MlxArray room = Indexing.zeros(type, shape);
        if (buffer == null) {
            return room.detach();
        }
        MlxArray larger = Indexing.concatenate(2, buffer, room).detach();
        buffer.close();
        return larger;
    }

    /** The old handle is closed before anything is computed, so that the write happens in place. */
    private MlxArray replaced(MlxArray buffer, MlxArray update, int end) {
        int heads = update.dim(1);
        int dim = update.dim(3);
        MlxArray written = Indexing.sliceUpdate(
                        buffer, update, new int[] {0, 0, offset, 0}, new int[] {1, heads, end, dim})
                .detach();
        buffer.close();
        return written;
    }

    private static MlxArray head(MlxArray buffer, int end) {
        return Indexing.slice(buffer, new int[4], new int[] {1, buffer.dim(1), end, buffer.dim(3)});
    }

    @Override
    public Snapshot slice(int start, int end) {
        if (start < 0 || end > offset || start >= end) {
            throw new IllegalArgumentException("range [" + start + ", " + end + ") must be within [0, " + offset + ")");
        }
        return KvSlice.copy(keys, values, start, start, end);
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
        Eval.eval(keys, values);
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
        if (keys != null) {
            keys.close();
            values.close();
            keys = null;
            values = null;
            capacity = 0;
            offset = 0;
        }
    }
}
