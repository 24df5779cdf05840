package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;
import java.util.stream.Stream;

/** What a linear-attention layer keeps: the last inputs of its convolution, and a matrix that sums up all tokens. */
public final class RecurrentCache implements LayerCache {

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

    /** An empty layer whose convolution spans {@code width} positions. */
    public RecurrentCache(int width) {
        this.convolution = new ShortConvCache(width);
    }

    /** The inputs of the convolution, whose offset is that of this layer. */
    public ShortConvCache convolution() {
        return convolution;
    }

    /** The matrix after the last token, borrowed; null before the first one. */
    public MlxArray matrix() {
        return matrix;
    }

    /** Replaces the matrix, and takes ownership of the new one. */
    public void setMatrix(MlxArray next) {
        next.detach();
        replace(next);
    }

    private void replace(MlxArray next) {
        if (matrix != null) {
            matrix.close();
        }
        matrix = next;
    }

    @Override
    public int offset() {
        return convolution.offset();
    }

    @Override
    public long bytes() {
        return convolution.bytes() + (matrix == null ? 0 : matrix.bytes());
    }

    @Override
    public boolean sliceable() {
        return false;
    }

    @Override
    public MlxArray[] buffers() {
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
        Snapshot inputs = convolution.state();
        try {
            return new State(inputs, matrix == null ? null : Copies.owned(matrix));
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
        convolution.restore(state.convolution());
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
    public void trimTo(int position) {
        convolution.trimTo(position);
    }

    @Override
    public void close() {
        convolution.close();
        replace(null);
    }
}
