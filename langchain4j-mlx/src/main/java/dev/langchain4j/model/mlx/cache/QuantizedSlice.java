package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import java.util.Arrays;

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
    public Snapshot slice(int from, int to) {
        if (from < start || to > end || from >= to) {
            throw new IllegalArgumentException(
                    "range [" + from + ", " + to + ") must be within [" + start + ", " + end + ")");
        }
        int border = plain == null ? start : plain.end();
        Snapshot first = from < border ? plain.slice(from, Math.min(to, border)) : null;
        if (to <= border) {
            return new QuantizedSlice((KvSlice) first, null, from, to);
        }
        try {
            return new QuantizedSlice((KvSlice) first, copy(Math.max(from, border) - border, to - border), from, to);
        } catch (RuntimeException e) {
            if (first != null) {
                first.close();
            }
            throw e;
        }
    }

    private MlxArray[] copy(int from, int to) {
        MlxArray[] parts = new MlxArray[packed.length];
        try (Scope scope = Scope.open()) {
            Arrays.setAll(parts, i -> PositionBuffer.copy(Indexing.slice(packed[i], 2, from, to))
                    .detach());
        }
        Eval.eval(parts);
        return parts;
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
