package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What a linear-attention layer keeps: the last inputs of its convolution, and a matrix that sums up all tokens. */
public final class RecurrentCache extends StateLayer {

    private record State(Snapshot convolution, MlxArray matrix) implements Snapshot {
        @Override
        public int start() {
            return 0;
        }

        @Override
        public int end() {
            return convolution.end();
        }

        @Override
        public long bytes() {
            return convolution.bytes() + (matrix == null ? 0 : matrix.bytes());
        }

        @Override
        public int bufferCount() {
            return convolution.bufferCount() + (matrix == null ? 0 : 1);
        }

        @Override
        public MlxArray[] arrays() {
            return new MlxArray[] {convolution.arrays()[0], matrix};
        }

        @Override
        public Snapshot slice(int from, int to) {
            throw new UnsupportedOperationException("a recurrent state has no slices");
        }

        @Override
        public void close() {
            convolution.close();
            if (matrix != null) {
                matrix.close();
            }
        }
    }

    private final ShortConvCache convolution;
    private MlxArray matrix;
    /** The offset of the mark; -1 if there is none. */
    private int marked = -1;
    /** While there is a mark, the matrix at it and after each token since but the last: what {@link #matrix} was. */
    private final List<MlxArray> before = new ArrayList<>();

    /** An empty layer whose convolution spans {@code width} positions. */
    public RecurrentCache(int width) {
        this.convolution = new ShortConvCache(width);
    }

    /** The inputs of the convolution, whose offset is that of this layer. */
    public ShortConvCache convolution() {
        own();
        return convolution;
    }

    /** The matrix after the last token, borrowed; null before the first one. */
    public MlxArray matrix() {
        own();
        return matrix;
    }

    /** Whether {@link #setMatrix} wants the matrix after each new token, not after the last one alone. */
    public boolean wantsEach() {
        return marked >= 0;
    }

    /** Replaces the matrix by that after the last of the new tokens, and takes ownership of all that are given. */
    public void setMatrix(MlxArray... afterEach) {
        own();
        for (MlxArray next : afterEach) {
            next.detach();
            if (marked >= 0) {
                before.add(matrix);
                matrix = next;
            } else {
                replace(next);
            }
        }
    }

    private void replace(MlxArray next) {
        close(matrix);
        matrix = next;
    }

    private static void close(MlxArray old) {
        if (old != null) {
            old.close();
        }
    }

    @Override
    public int offset() {
        return convolution.offset();
    }

    @Override
    public long bytes() {
        return stack() != null ? stack().bytes() : convolution.bytes() + (matrix == null ? 0 : matrix.bytes());
    }

    // ---- as a row of a stack -------------------------------------------------------------------------------------

    @Override
    boolean canBeStacked() {
        return marked < 0 && (matrix != null || stack() != null);
    }

    @Override
    StateLayer stacked(List<StateLayer> rows) {
        RecurrentCache all = new RecurrentCache(convolution.width());
        try (Scope scope = Scope.open()) {
            all.convolution.setInputs(
                    below(rows, each -> ((RecurrentCache) each).inputsView()).detach());
            all.matrix =
                    below(rows, each -> ((RecurrentCache) each).matrixView()).detach();
            return all;
        } catch (Throwable e) {
            all.close();
            throw e;
        }
    }

    /** Where it is; a temporary of the current scope, or borrowed. */
    private MlxArray matrixView() {
        return stack() == null ? matrix : row(((RecurrentCache) stack().rows()).matrix, row());
    }

    private MlxArray inputsView() {
        return stack() == null
                ? convolution.inputs()
                : row(((RecurrentCache) stack().rows()).convolution.inputs(), row());
    }

    @Override
    void take(StateLayer rows, int row) {
        RecurrentCache all = (RecurrentCache) rows;
        convolution.take(all.convolution.inputs(), row);
        replace(Copies.of(row(all.matrix, row)).detach());
    }

    @Override
    void drop() {
        convolution.drop();
        replace(null);
    }

    @Override
    void advance() {
        convolution.advance();
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
        return matrix == null
                ? convolution.buffers()
                : Stream.concat(Stream.of(convolution.buffers()), Stream.of(matrix))
                        .toArray(MlxArray[]::new);
    }

    @Override
    public Snapshot slice(int start, int end) {
        throw new UnsupportedOperationException("a recurrent layer is kept as a state at its offset");
    }

    @Override
    public Snapshot state() {
        Snapshot inputs;
        try (Scope scope = Scope.open()) {
            inputs = convolution.state(inputsView());
        }
        try (Scope scope = Scope.open()) {
            MlxArray now = matrixView();
            return new State(inputs, now == null ? null : Copies.owned(now));
        } catch (Throwable e) {
            inputs.close();
            throw e;
        }
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof State state)) {
            throw new IllegalArgumentException("a recurrent state was expected, not " + snapshot);
        }
        leave();
        convolution.restore(state.convolution());
        unmark();
        replace(state.matrix() == null ? null : Copies.owned(state.matrix()));
    }

    @Override
    public Snapshot snapshot(int start, int end, MlxArray[] arrays) {
        if (arrays[1] == null && end > 0) {
            throw new IllegalArgumentException("the matrix after " + end + " tokens is missing");
        }
        return new State(convolution.snapshot(start, end, arrays), arrays[1]);
    }

    @Override
    public void mark(int tokens) {
        own();
        convolution.mark(tokens);
        unmark();
        marked = offset();
    }

    @Override
    public long bytesOfMarked() {
        return stack() != null
                ? ((RecurrentCache) stack().rows()).matrix.bytes() / stack().count()
                : matrix == null ? 0 : matrix.bytes();
    }

    @Override
    public void trimTo(int position) {
        convolution.trimTo(position);
        if (marked >= 0 && position - marked < before.size()) {
            replace(before.set(position - marked, null));
        }
        unmark();
    }

    private void unmark() {
        before.forEach(RecurrentCache::close);
        before.clear();
        marked = -1;
    }

    @Override
    public void close() {
        leave();
        convolution.close();
        unmark();
        replace(null);
    }
}
