package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;

/** The last inputs of a short causal convolution, [1, width - 1, channels]: all that later positions need of earlier ones. */
public final class ShortConvCache implements LayerCache {

    private record State(MlxArray inputs, int end) implements Snapshot {
        @Override
        public int start() {
            return 0;
        }

        @Override
        public long bytes() {
            return inputs == null ? 0 : inputs.bytes();
        }

        @Override
        public int bufferCount() {
            return inputs == null ? 0 : 1;
        }

        @Override
        public MlxArray[] arrays() {
            return new MlxArray[] {inputs};
        }

        @Override
        public Snapshot slice(int from, int to) {
            throw new UnsupportedOperationException("the state of a convolution has no slices");
        }

        @Override
        public void close() {
            if (inputs != null) {
                inputs.close();
            }
        }
    }

    private final int kept;
    private MlxArray inputs;
    private int offset;
    /** The offset of the mark; -1 if there is none. */
    private int marked = -1;
    /** The inputs at the mark and all since; null if there are none yet. */
    private MlxArray since;

    /**
     * An empty layer.
     *
     * @param width positions that the convolution spans, at least 2
     * @throws IllegalArgumentException if {@code width} is smaller
     */
    public ShortConvCache(int width) {
        if (width < 2) {
            throw new IllegalArgumentException("width (" + width + ") must be at least 2");
        }
        this.kept = width - 1;
    }

    /**
     * Appends inputs and gives them with those before them, zeros at the start of a sequence.
     *
     * @param added [1, length, channels]
     * @return [1, width - 1 + length, channels], a temporary of the current scope
     */
    public MlxArray update(MlxArray added, int length) {
        MlxArray before = inputs == null ? Indexing.zeros(added.dtype(), 1, kept, added.dim(2)) : inputs;
        MlxArray all = Indexing.concatenate(1, before, added);
        if (marked >= 0) {
            keepSince(since == null ? Indexing.slice(all, 1, 0, kept + length) : Indexing.concatenate(1, since, added));
        }
        // a view would hold the buffer of a whole chunk
        replace(Copies.of(Indexing.slice(all, 1, length, length + kept)).detach());
        offset += length;
        return all;
    }

    private void keepSince(MlxArray longer) {
        if (since != null) {
            since.close();
        }
        since = longer == null ? null : longer.detach();
    }

    private void replace(MlxArray tail) {
        if (inputs != null) {
            inputs.close();
        }
        inputs = tail;
    }

    @Override
    public int offset() {
        return offset;
    }

    @Override
    public long bytes() {
        return inputs == null ? 0 : inputs.bytes();
    }

    @Override
    public boolean sliceable() {
        return false;
    }

    @Override
    public MlxArray[] buffers() {
        return inputs == null ? new MlxArray[0] : new MlxArray[] {inputs};
    }

    @Override
    public Snapshot slice(int start, int end) {
        throw new UnsupportedOperationException("a convolution is kept as a state at its offset");
    }

    @Override
    public Snapshot state() {
        return new State(inputs == null ? null : Copies.owned(inputs), offset);
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof State state)) {
            throw new IllegalArgumentException("the state of a convolution was expected, not " + snapshot);
        }
        unmark();
        replace(state.inputs() == null ? null : Copies.owned(state.inputs()));
        offset = state.end();
    }

    @Override
    public Snapshot snapshot(int start, int end, MlxArray[] arrays) {
        MlxArray read = arrays[0];
        boolean fits = read == null ? end == 0 : read.ndim() == 3 && read.dim(0) == 1 && read.dim(1) == kept;
        if (!fits) {
            throw new IllegalArgumentException("array (" + read + ") must be the last " + kept + " inputs");
        }
        return new State(read, end);
    }

    @Override
    public void mark(int tokens) {
        unmark();
        marked = offset;
    }

    @Override
    public void trimTo(int position) {
        Positions.checkTrim(position, offset);
        if (position != offset) {
            if (marked < 0 || position < marked) {
                throw new UnsupportedOperationException("a convolution cannot forget inputs before its mark");
            }
            int fed = position - marked;
            try (Scope scope = Scope.open()) {
                replace(Copies.of(Indexing.slice(since, 1, fed, fed + kept)).detach());
            }
            offset = position;
        }
        unmark();
    }

    private void unmark() {
        keepSince(null);
        marked = -1;
    }

    @Override
    public void close() {
        unmark();
        replace(null);
        offset = 0;
    }
}
