package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Eval;
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
public final class RotatingKvCache extends BufferedKvCache {
    private static final int STEP = 256;

    private final int window;
    /** Positions that the buffers hold. */
    private int held;
    /** The offset of the mark; -1 if there is none. */
    private int marked = -1;

    /**
     * An empty layer.
     *
     * @param window positions that each one sees, itself included
     * @throws IllegalArgumentException if {@code window} is not positive
     */
    public RotatingKvCache(int window) {
        super(Integer.MAX_VALUE);
        if (window < 1) {
            throw new IllegalArgumentException("window (" + window + ") must be positive");
        }
        this.window = window;
    }

    @Override
    public boolean sliceable() {
        return false;
    }

    @Override
    public View update(MlxArray newKeys, MlxArray newValues, int length) {
        boolean wasteful = length == 1 && buffers.capacity() > 2 * (window + STEP);
        boolean moved = held + length > buffers.capacity() || wasteful;
        if (moved) {
            move(newKeys, newValues, length);
        }
        int end = held + length;
        if (!moved || length < STEP) {
            buffers.write(held, end, newKeys, newValues);
        }
        int start = Math.max(0, held - (window - 1));
        held = end;
        offset += length;
        int context = end - start;
        MlxArray mask = context > window ? Masks.window(length, context, window) : null;
        return View.of(buffers, start, end, mask);
    }

    /**
     * Takes what positions behind the mark, or else later ones, still see to new buffers with room for {@code length}
     * more; of a chunk it takes these as well.
     */
    private void move(MlxArray newKeys, MlxArray newValues, int length) {
        int kept = Math.min(held, window - 1 + (marked < 0 ? 0 : offset - marked));
        if (length >= STEP) {
            // of a chunk, which another chunk or a move will follow: no room beyond it, and one copy
            buffers.moveWith(held - kept, held, newKeys, newValues);
        } else {
            int room = Math.max(length, Math.max(STEP, kept / 4));
            buffers.move(held - kept, held, kept + room, newKeys, newValues);
        }
        held = kept;
    }

    @Override
    public long bytesFor(int tokens) {
        return buffers.bytesFor(Math.min(tokens, window + STEP));
    }

    @Override
    public Snapshot slice(int start, int end) {
        throw new UnsupportedOperationException("a sliding window is kept as a state at its offset");
    }

    @Override
    public Snapshot state() {
        int kept = Math.min(held, window - 1);
        return WindowState.of(kept == 0 ? new MlxArray[0] : buffers.copy(held - kept, held), offset);
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
            Eval.eval(buffers());
        }
        offset = state.end();
    }

    @Override
    public Snapshot snapshot(int start, int end, MlxArray[] arrays) {
        return window == 1 && arrays[0] == null
                ? new WindowState(null, null, end)
                : WindowState.read(arrays, window - 1, end);
    }

    @Override
    public void mark(int tokens) {
        marked = offset;
    }

    @Override
    public void trimTo(int position) {
        Positions.checkTrim(position, offset);
        if (position != offset && (marked < 0 || position < marked)) {
            throw new UnsupportedOperationException("a sliding window cannot forget positions before its mark");
        }
        held -= offset - position;
        offset = position;
        marked = -1;
    }

    @Override
    public void close() {
        super.close();
        held = 0;
        marked = -1;
    }
}
