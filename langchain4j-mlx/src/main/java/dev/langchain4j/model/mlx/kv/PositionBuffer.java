package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * A buffer [1, heads, capacity, dim] that one layer owns. Written in place: nobody else may hold a handle of it when a
 * write is computed, or MLX copies all of it.
 */
final class PositionBuffer implements AutoCloseable {
    private MlxArray array;
    private int heads;
    private int dim;

    /**
     * Takes {@code [start, end)} to the front of a new buffer. Heads, dimension and type are those of {@code like} when
     * there is nothing yet.
     */
    void move(MlxArray like, int start, int end, int capacity) {
        if (array == null) {
            int[] shape = like.shape();
            heads = shape[1];
            dim = shape[3];
        }
        DType type = array == null ? like.dtype() : array.dtype();
        MlxArray room = Indexing.unwritten(type, 1, heads, capacity, dim);
        if (start == end) {
            replace(room);
        } else {
            MlxArray moved = put(room, view(start, end), 0, end - start);
            room.close();
            replace(moved);
        }
    }

    /** Writes {@code [start, end)}. */
    void write(MlxArray update, int start, int end) {
        replace(put(array, update, start, end));
    }

    private MlxArray put(MlxArray into, MlxArray update, int start, int end) {
        return Indexing.sliceUpdate(into, update, new int[] {0, 0, start, 0}, new int[] {1, heads, end, dim});
    }

    /** Writes {@code [start, end)} of what is computed already. */
    void restore(MlxArray computed, int start, int end) {
        if (!array.overwrite(computed, 2, start)) {
            try (Scope scope = Scope.open()) {
                write(computed, start, end);
            }
        }
    }

    /** The memory of {@code [start, end)}, a part for each head; null if it does not lie in row order. */
    List<ByteBuffer> memory(ArrayForm form, int start, int end) {
        if (form.type() != array.dtype() || form.shape()[1] != heads || form.shape()[3] != dim) {
            throw new IllegalArgumentException(
                    form + " does not fit into %d heads of %d dimensions of %s".formatted(heads, dim, array.dtype()));
        }
        return array.memory(2, start, end);
    }

    /** The old handle is closed before anything is computed, so that a write happens in place. */
    private void replace(MlxArray next) {
        next.detach();
        close();
        array = next;
    }

    /** A view of {@code [start, end)}, a temporary of the current scope. */
    MlxArray view(int start, int end) {
        return Indexing.slice(array, new int[] {0, 0, start, 0}, new int[] {1, heads, end, dim});
    }

    /** The array itself, borrowed; null before the first write. */
    MlxArray array() {
        return array;
    }

    long bytes() {
        return array == null ? 0 : array.bytes();
    }

    @Override
    public void close() {
        if (array != null) {
            array.close();
            array = null;
        }
    }
}
