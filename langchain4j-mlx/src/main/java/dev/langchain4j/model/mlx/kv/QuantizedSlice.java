package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;

/**
 * A range of positions of a {@link QuantizedKvCache}: those before its start as they are, the others packed.
 *
 * @param plain the first positions; null if there are none
 * @param packed the others, in arrays of their own [1, heads, positions, ...]; null if there are none
 */
record QuantizedSlice(KvSlice plain, MlxArray[] packed, int start, int end) implements Snapshot {

    @Override
    public long bytes() {
        long sum = plain == null ? 0 : plain.bytes();
        if (packed != null) {
            for (MlxArray part : packed) {
                sum += part.bytes();
            }
        }
        return sum;
    }

    @Override
    public int bufferCount() {
        return (plain == null ? 0 : plain.bufferCount()) + (packed == null ? 0 : packed.length);
    }

    @Override
    public MlxArray[] arrays() {
        MlxArray[] all = new MlxArray[2 + QuantizedKvCache.ARRAYS];
        if (plain != null) {
            System.arraycopy(plain.arrays(), 0, all, 0, 2);
        }
        if (packed != null) {
            System.arraycopy(packed, 0, all, 2, packed.length);
        }
        return all;
    }

    @Override
    public Snapshot slice(int from, int to) {
        Positions.checkRange(from, to, start, end);
        int border = plain == null ? start : plain.end();
        Snapshot first = from < border ? plain.slice(from, Math.min(to, border)) : null;
        if (to <= border) {
            return new QuantizedSlice((KvSlice) first, null, from, to);
        }
        try {
            return new QuantizedSlice((KvSlice) first, copy(Math.max(from, border) - border, to - border), from, to);
        } catch (Throwable e) {
            if (first != null) {
                first.close();
            }
            throw e;
        }
    }

    private MlxArray[] copy(int from, int to) {
        return Copies.owned(a -> Indexing.slice(a, 2, from, to), packed);
    }

    @Override
    public void close() {
        if (plain != null) {
            plain.close();
        }
        if (packed != null) {
            for (MlxArray part : packed) {
                part.close();
            }
        }
    }
}
