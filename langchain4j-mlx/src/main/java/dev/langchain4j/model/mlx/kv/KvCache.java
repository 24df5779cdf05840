package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Keys and values of a full-attention layer, in two buffers [1, heads, capacity, dim] that grow by a quarter, so that
 * appending a token costs the same however long the context is.
 */
public final class KvCache extends BufferedKvCache {

    /** An empty layer. */
    public KvCache() {
        super(Integer.MAX_VALUE);
    }

    @Override
    public boolean sliceable() {
        return true;
    }

    @Override
    public View update(MlxArray newKeys, MlxArray newValues, int length) {
        int end = offset + length;
        buffers.write(offset, end, newKeys, newValues);
        offset = end;
        return all();
    }

    /** Views of all positions. */
    View all() {
        return View.of(buffers, 0, offset, null);
    }

    @Override
    public long bytesFor(int tokens) {
        return buffers.bytesFor(tokens);
    }

    @Override
    public Snapshot slice(int start, int end) {
        Positions.checkRange(start, end, 0, offset);
        return new KvSlice(buffers.copy(start, end), start, end);
    }

    @Override
    public Snapshot state() {
        throw new UnsupportedOperationException("a full-attention layer is kept by slices");
    }

    @Override
    public void reserve(int tokens) {
        buffers.reserve(tokens);
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof KvSlice slice) || slice.start() != offset) {
            throw new IllegalArgumentException("a slice that begins at " + offset + " was expected, not " + snapshot);
        }
        buffers.restore(offset, slice.end(), slice.keys(), slice.values());
        offset = slice.end();
    }

    @Override
    public List<List<ByteBuffer>> memory(int end, int positions, List<ArrayForm> arrays) {
        ArrayForm.checkKeysAndValues(arrays, positions);
        return buffers.memory(offset, end, arrays);
    }

    @Override
    public void filled(int end) {
        offset = end;
    }

    @Override
    public Snapshot snapshot(int start, int end, MlxArray[] arrays) {
        Positions.checkKeysAndValues(arrays[0], arrays[1], end - start, true);
        return new KvSlice(arrays, start, end);
    }

    @Override
    public void trimTo(int position) {
        Positions.checkTrim(position, offset);
        offset = position;
        if (position == 0) {
            buffers.close();
        }
    }
}
