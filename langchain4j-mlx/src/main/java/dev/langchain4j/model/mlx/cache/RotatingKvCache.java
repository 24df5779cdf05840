package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;

/**
 * Keys and values of a layer with sliding-window attention: each position sees the last {@code window} ones, itself
 * included. Old positions make room for new ones, so the bytes do not grow with the context.
 *
 * <p>Positions stand in temporal order in a buffer with room at its end. When the room is used up, the last
 * {@code window - 1} positions move to the front of another buffer. That costs a copy of the window every few hundred
 * tokens, and saves decoding any mask, and prefill and snapshots the reordering that a ring needs. Written in place, as
 * {@link KvCache}.
 */
public final class RotatingKvCache implements AttentionCache {
    private static final int STEP = 256;

    private final int window;
    private MlxArray keys;
    private MlxArray values;
    /** Positions that the buffers have room for, and that they hold. */
    private int capacity;

    private int held;
    private int offset;

    /**
     * An empty layer.
     *
     * @param window positions that each one sees, itself included
     * @throws IllegalArgumentException if {@code window} is not positive
     */
    public RotatingKvCache(int window) {
        if (window < 1) {
            throw new IllegalArgumentException("window (" + window + ") must be positive");
        }
        this.window = window;
    }

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
        return false;
    }

    @Override
    public MlxArray[] buffers() {
        return keys == null ? new MlxArray[0] : new MlxArray[] {keys, values};
    }

    @Override
    public View update(MlxArray newKeys, MlxArray newValues, int length) {
        boolean wasteful = length == 1 && capacity > 2 * (window + STEP);
        if (keys == null || held + length > capacity || wasteful) {
            move(newKeys, newValues, length);
        }
        int end = held + length;
        keys = replaced(keys, newKeys, end);
        values = replaced(values, newValues, end);
        int start = Math.max(0, held - (window - 1));
        held = end;
        offset += length;
        int context = end - start;
        MlxArray mask = context > window ? Masks.window(length, context, window) : null;
        return new View(Indexing.slice(keys, 2, start, end), Indexing.slice(values, 2, start, end), mask);
    }

    /** Takes what later positions still see to new buffers with room for {@code length} more. */
    private void move(MlxArray newKeys, MlxArray newValues, int length) {
        int kept = Math.min(held, window - 1);
        int room = Math.max(length, Math.max(STEP, kept / 4));
        keys = moved(keys, newKeys, kept, room);
        values = moved(values, newValues, kept, room);
        held = kept;
        capacity = kept + room;
    }

    private MlxArray moved(MlxArray buffer, MlxArray like, int kept, int room) {
        int[] shape = like.shape();
        shape[2] = room;
        MlxArray zeros = Indexing.zeros(like.dtype(), shape);
        MlxArray larger = zeros;
        if (kept > 0) {
            larger = Indexing.concatenate(2, Indexing.slice(buffer, 2, held - kept, held), zeros);
        }
        larger.detach();
        if (buffer != null) {
            buffer.close();
        }
        return larger;
    }

    /** The old handle is closed before anything is computed, so that the write happens in place. */
    private MlxArray replaced(MlxArray buffer, MlxArray update, int end) {
        int[] start = {0, 0, held, 0};
        int[] stop = {1, update.dim(1), end, update.dim(3)};
        MlxArray written = Indexing.sliceUpdate(buffer, update, start, stop).detach();
        buffer.close();
        return written;
    }

    @Override
    public Snapshot slice(int start, int end) {
        throw new UnsupportedOperationException("a sliding window is kept as a state at its offset");
    }

    @Override
    public Snapshot state() {
        int kept = Math.min(held, window - 1);
        if (kept == 0) {
            return new WindowState(null, null, offset);
        }
        MlxArray k;
        MlxArray v;
        try (Scope scope = Scope.open()) {
            k = copy(keys, kept).detach();
            v = copy(values, kept).detach();
        }
        Eval.eval(k, v);
        return new WindowState(k, v, offset);
    }

    /** A copy even where the range is the whole buffer, which MLX would share. */
    private MlxArray copy(MlxArray buffer, int kept) {
        return Indexing.copy(Indexing.contiguous(Indexing.slice(buffer, 2, held - kept, held)));
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof WindowState state)) {
            throw new IllegalArgumentException("the state of a sliding window was expected, not " + snapshot);
        }
        close();
        if (state.keys() != null) {
            try (Scope scope = Scope.open()) {
                update(state.keys(), state.values(), state.keys().dim(2));
            }
            Eval.eval(keys, values);
        }
        offset = state.end();
    }

    @Override
    public void trimTo(int position) {
        if (position < 0 || position > offset) {
            throw new IllegalArgumentException("offset (" + position + ") must be within [0, " + offset + "]");
        }
        if (position != offset) {
            throw new UnsupportedOperationException("a sliding window cannot forget its last positions");
        }
    }

    @Override
    public void close() {
        if (keys != null) {
            keys.close();
            values.close();
            keys = null;
            values = null;
        }
        capacity = 0;
        held = 0;
        offset = 0;
    }
}
