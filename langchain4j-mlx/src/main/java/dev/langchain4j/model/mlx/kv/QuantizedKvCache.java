package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.mlx.Scope;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Keys and values of a full-attention layer in few bits: packed numbers, scales and biases for each position, in
 * buffers that grow as those of {@link KvCache}. Attention reads them as they are; where an architecture's own
 * attention wants keys and values themselves ({@link #update}), they are unpacked for it, a layer at a time. Sources:
 * mlx-lm's {@code QuantizedKVCache} and {@code quantized_scaled_dot_product_attention}; sinks and unpacking are not in
 * mlx-lm.
 *
 * <p>Positions before {@code start} attend to keys and values as they are, later ones to quantized ones, of all
 * positions. A position decides, not a chunk, and the first {@code start} keys and values are kept in both forms: so a
 * sequence that is put together from slices, or cut back to any token, computes what one from the beginning computes.
 */
public final class QuantizedKvCache implements AttentionCache {
    private static final int PARTS = 3;

    /** Arrays that are packed: parts of keys and of values. */
    static final int ARRAYS = 2 * PARTS;

    private final Format format;
    private final int start;
    /** Keys and values of {@code [0, min(offset, start))} as they are. */
    private final KvCache plain = new KvCache();
    /** Packed numbers, scales and biases of keys, then of values, of {@code [0, packedTo)}. */
    private final PositionBuffers packed = new PositionBuffers(2 * PARTS, Integer.MAX_VALUE);

    private int packedTo;
    private int offset;

    /**
     * An empty layer.
     *
     * @param bits bits of an element: 2, 3, 4, 5, 6 or 8
     * @param groupSize elements of a head that share a scale: 32, 64 or 128
     * @param start first position that attends to quantized keys and values
     */
    public QuantizedKvCache(int bits, int groupSize, int start) {
        this.format = new Format(groupSize, bits, "affine");
        this.start = start;
    }

    @Override
    public int offset() {
        return offset;
    }

    @Override
    public long bytes() {
        return plain.bytes() + packed.bytes();
    }

    @Override
    public long bytesFor(int tokens) {
        return plain.bytesFor(Math.min(tokens, start)) + packed.bytesFor(tokens);
    }

    @Override
    public int bufferCount() {
        return plain.bufferCount() + packed.count();
    }

    @Override
    public boolean sliceable() {
        return true;
    }

    @Override
    public int chunkLimit() {
        return offset < start ? start : Integer.MAX_VALUE;
    }

    @Override
    public View update(MlxArray newKeys, MlxArray newValues, int length) {
        if (offset < start) {
            return updatePlain(newKeys, newValues, length);
        }
        append(newKeys, newValues, offset + length);
        MlxArray keys = Quantized.dequantize(view(0), view(1), view(2), format, null);
        MlxArray values = Quantized.dequantize(view(PARTS), view(PARTS + 1), view(PARTS + 2), format, null);
        return new View(keys, values, null);
    }

    @Override
    public MlxArray attend(
            MlxArray queries,
            MlxArray newKeys,
            MlxArray newValues,
            int length,
            float scale,
            MlxArray sinks,
            MlxArray ahead) {
        if (offset >= start) {
            append(newKeys, newValues, offset + length);
            return attendPacked(queries, length, scale, sinks, ahead);
        }
        View all = updatePlain(newKeys, newValues, length).and(ahead);
        boolean causal = length > 1 && all.mask() == null;
        return Fast.attention(queries, all.keys(), all.values(), scale, causal, all.mask(), sinks);
    }

    private View updatePlain(MlxArray newKeys, MlxArray newValues, int length) {
        View all = plain.update(newKeys, newValues, length);
        offset += length;
        if (offset > start) {
            // as in mlx-lm, positions of one call see the same: those that share it with earlier ones see no rounding
            pack(part(all.keys(), packedTo, offset), part(all.values(), packedTo, offset), offset);
            plain.trimTo(start);
        }
        return all;
    }

    private static MlxArray part(MlxArray all, int from, int to) {
        return Indexing.slice(all, 2, from, to);
    }

    /** Quantizes new positions, and before the first of them those that were computed without. */
    private void append(MlxArray newKeys, MlxArray newValues, int end) {
        packPlain();
        pack(newKeys, newValues, end);
        offset = end;
    }

    private void packPlain() {
        if (packedTo < start) {
            View all = plain.all();
            pack(part(all.keys(), packedTo, start), part(all.values(), packedTo, start), start);
        }
    }

    private void pack(MlxArray newKeys, MlxArray newValues, int end) {
        if (packed.capacity() == 0) {
            check("key", newKeys.dim(3));
            check("value", newValues.dim(3));
        }
        MlxArray[] parts = Arrays.copyOf(Quantized.quantize(newKeys, format), 2 * PARTS);
        System.arraycopy(Quantized.quantize(newValues, format), 0, parts, PARTS, PARTS);
        write(parts, end);
    }

    private void check(String what, int dim) {
        if (dim % format.groupSize() != 0) {
            throw new UnsupportedOperationException("heads of " + dim + " " + what
                    + " dimensions cannot be quantized in groups of " + format.groupSize());
        }
    }

    private void write(MlxArray[] parts, int end) {
        packed.write(packedTo, end, parts);
        packedTo = end;
    }

    /** Queries of the heads that share a head of keys are rows of one product, so that it is read once. */
    private MlxArray attendPacked(MlxArray queries, int length, float scale, MlxArray sinks, MlxArray ahead) {
        MlxArray keys = view(0);
        int kvHeads = keys.dim(1);
        int heads = queries.dim(1);
        int rows = heads / kvHeads * length;
        MlxArray grouped = Indexing.reshape(Ops.multiply(queries, scale), 1, kvHeads, rows, queries.dim(3));
        MlxArray scores = Quantized.matmul(grouped, keys, view(1), view(2), format);
        if (length > 1) {
            MlxArray lowest = MlxArray.scalar(Double.NEGATIVE_INFINITY, scores.dtype());
            MlxArray byHead = Indexing.reshape(scores, 1, kvHeads, heads / kvHeads, length, offset);
            MlxArray causal = Masks.causal(length, offset);
            MlxArray masked = Ops.where(ahead == null ? causal : Masks.and(causal, ahead), byHead, lowest);
            scores = Indexing.reshape(masked, 1, kvHeads, rows, offset);
        }
        MlxArray shares = sinks == null ? Ops.softmax(scores, -1, true) : sharesBeside(sinks, scores, length);
        MlxArray y = Quantized.matmulTransposed(shares, view(PARTS), view(PARTS + 1), view(PARTS + 2), format);
        return Indexing.reshape(y, 1, heads, length, y.dim(3));
    }

    /** Sinks take their part of each row, and give nothing for it. */
    private MlxArray sharesBeside(MlxArray sinks, MlxArray scores, int length) {
        int kvHeads = scores.dim(1);
        int group = sinks.dim(0) / kvHeads;
        MlxArray byHead = Indexing.reshape(Ops.astype(sinks, scores.dtype()), 1, kvHeads, group, 1);
        MlxArray rows = Indexing.reshape(
                Indexing.broadcastTo(byHead, 1, kvHeads, group, length), 1, kvHeads, group * length, 1);
        MlxArray all = Ops.softmax(Indexing.concatenate(-1, rows, scores), -1, true);
        return Indexing.slice(all, 3, 1, offset + 1);
    }

    private MlxArray view(int part) {
        return packed.view(part, 0, offset);
    }

    @Override
    public MlxArray[] buffers() {
        MlxArray[] first = plain.buffers();
        MlxArray[] others = packed.arrays();
        MlxArray[] all = Arrays.copyOf(first, first.length + others.length);
        System.arraycopy(others, 0, all, first.length, others.length);
        return all;
    }

    @Override
    public Snapshot slice(int from, int to) {
        Positions.checkRange(from, to, 0, offset);
        Snapshot unpacked = from < start ? plain.slice(from, Math.min(to, start)) : null;
        if (to <= start) {
            return new QuantizedSlice((KvSlice) unpacked, null, from, to);
        }
        try {
            return new QuantizedSlice((KvSlice) unpacked, packed.copy(Math.max(from, start), to), from, to);
        } catch (Throwable e) {
            if (unpacked != null) {
                unpacked.close();
            }
            throw e;
        }
    }

    @Override
    public Snapshot state() {
        throw new UnsupportedOperationException("a full-attention layer is kept by slices");
    }

    @Override
    public void reserve(int tokens) {
        packed.reserve(tokens);
        plain.reserve(Math.min(tokens, start));
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof QuantizedSlice slice) || slice.start() != offset) {
            throw new IllegalArgumentException("a slice that begins at " + offset + " was expected, not " + snapshot);
        }
        if (slice.plain() != null) {
            plain.restore(slice.plain());
            offset = slice.plain().end();
        }
        if (slice.packed() != null) {
            try (Scope scope = Scope.open()) {
                packPlain();
                write(slice.packed(), slice.end());
            }
            offset = slice.end();
        }
        Eval.eval(buffers());
    }

    /** Of packed positions only: what is kept in both forms comes as a snapshot. */
    @Override
    public List<List<ByteBuffer>> memory(int end, int positions, List<ArrayForm> arrays) {
        if (offset < start || arrays.size() < 2 || arrays.get(0) != null || arrays.get(1) != null) {
            return null;
        }
        List<ArrayForm> parts = arrays.subList(2, arrays.size());
        ArrayForm.check(parts, ARRAYS, positions);
        try (Scope scope = Scope.open()) {
            packPlain();
        }
        return packed.memory(packedTo, end, parts);
    }

    @Override
    public void filled(int end) {
        packedTo = end;
        offset = end;
    }

    @Override
    public Snapshot snapshot(int from, int end, MlxArray[] arrays) {
        int border = Math.clamp(start, from, end);
        MlxArray[] plainParts = Arrays.copyOf(arrays, 2);
        MlxArray[] packedParts = Arrays.copyOfRange(arrays, 2, 2 + ARRAYS);
        if (border > from) {
            Positions.checkKeysAndValues(plainParts[0], plainParts[1], border - from, true);
        }
        for (int i = 0; i < ARRAYS && border < end; i++) {
            Positions.checkKeysAndValues(packedParts[i], packedParts[i], end - border, true);
        }
        KvSlice unpacked = border > from ? new KvSlice(plainParts, from, border) : null;
        return new QuantizedSlice(unpacked, border < end ? packedParts : null, from, end);
    }

    @Override
    public void trimTo(int position) {
        Positions.checkTrim(position, offset);
        offset = position;
        packedTo = Math.min(packedTo, position);
        if (position == 0) {
            packed.close();
        }
        plain.trimTo(Math.min(position, start));
    }

    @Override
    public void close() {
        plain.close();
        packed.close();
        packedTo = 0;
        offset = 0;
    }
}
