package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import java.util.List;

/**
 * The last inputs of a short causal convolution, [1, width - 1, channels]: all that later positions need of earlier
 * ones.
 */
public final class ShortConvCache extends StateLayer {

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
     * @param added [1, length, channels]; [rows, 1, channels] if it stands for several sequences
     * @return [1, width - 1 + length, channels], a temporary of the current scope; with as many rows
     */
    public MlxArray update(MlxArray added, int length) {
        own();
        MlxArray before = inputs == null ? Indexing.zeros(added.dtype(), 1, kept, added.dim(2)) : inputs;
        MlxArray all = Indexing.concatenate(1, before, added);
        if (marked >= 0) {
            keepSince(since == null ? Indexing.slice(all, 1, 0, kept + length) : Indexing.concatenate(1, since, added));
        }
        MlxArray tail = Indexing.slice(all, 1, length, length + kept);
        // a view holds the buffer of a whole chunk
        replace((length <= kept ? tail : Copies.of(tail)).detach());
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
        return stack() != null ? stack().bytes() : inputs == null ? 0 : inputs.bytes();
    }

    // ---- as a row of a stack -------------------------------------------------------------------------------------

    @Override
    boolean canBeStacked() {
        return marked < 0 && (inputs != null || stack() != null);
    }

    @Override
    StateLayer stacked(List<StateLayer> rows) {
        ShortConvCache all = new ShortConvCache(kept + 1);
        try (Scope scope = Scope.open()) {
            all.inputs = below(rows, each -> ((ShortConvCache) each).view()).detach();
        }
        return all;
    }

    /** The inputs, wherever they are; a temporary of the current scope, or borrowed. */
    MlxArray view() {
        return stack() == null ? inputs : row(((ShortConvCache) stack().rows()).inputs, row());
    }

    @Override
    void take(StateLayer rows, int row) {
        take(((ShortConvCache) rows).inputs, row);
    }

    /** The same, of inputs with a row for each sequence. */
    void take(MlxArray all, int row) {
        replace(Copies.of(row(all, row)).detach());
    }

    /** The inputs of its own; null if there are none. */
    MlxArray inputs() {
        return inputs;
    }

    /** Replaces the inputs by those of as many rows, which it owns from now on. */
    void setInputs(MlxArray rows) {
        replace(rows);
    }

    @Override
    void drop() {
        replace(null);
    }

    @Override
    void advance() {
        offset++;
    }

    // ---- as a layer ----------------------------------------------------------------------------------------------

    @Override
    public boolean sliceable() {
        return false;
    }

    @Override
    public MlxArray[] buffers() {
        if (stack() != null) {
            return stack().rows().buffers();
        }
        return inputs == null ? new MlxArray[0] : new MlxArray[] {inputs};
    }

    @Override
    public Snapshot slice(int start, int end) {
        throw new UnsupportedOperationException("a convolution is kept as a state at its offset");
    }

    @Override
    public Snapshot state() {
        try (Scope scope = Scope.open()) {
            return state(view());
        }
    }

    /** The state that has these inputs; null for none. */
    Snapshot state(MlxArray of) {
        return new State(of == null ? null : Copies.owned(of), offset);
    }

    int width() {
        return kept + 1;
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof State state)) {
            throw new IllegalArgumentException("the state of a convolution was expected, not " + snapshot);
        }
        unmark();
        leave();
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
        own();
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
        leave();
        replace(null);
        offset = 0;
    }
}
