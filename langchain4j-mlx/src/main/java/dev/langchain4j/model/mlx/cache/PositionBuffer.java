package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;

/**
 * A buffer [1, heads, capacity, dim] that one layer owns. Written in place: nobody else may hold a handle of it when a
 * write is computed, or MLX copies all of it.
 */
final class PositionBuffer implements AutoCloseable {
    private static final int STEP = 256;

    private MlxArray array;
    private int heads;
    private int dim;

    /** The capacity that room for {@code needed} positions calls for: a quarter more each time, in steps of 256. */
    static int capacity(int needed, int reserved, int present) {
        int wanted = Math.max(Math.max(needed, reserved), present + present / 4);
        return Math.ceilDiv(wanted, STEP) * STEP;
    }

    /** Grows to this capacity; heads, dimension and type are those of {@code like} when there is nothing yet. */
    void grow(MlxArray like, int capacity) {
        if (array == null) {
            int[] shape = like.shape();
            heads = shape[1];
            dim = shape[3];
            array = room(like.dtype(), capacity).detach();
            return;
        }
        MlxArray larger = Indexing.concatenate(2, array, room(array.dtype(), capacity - array.dim(2)))
                .detach();
        array.close();
        array = larger;
    }

    private MlxArray room(DType type, int positions) {
        return Indexing.zeros(type, 1, heads, positions, dim);
    }

    /** Writes {@code [start, end)}. The old handle is closed before anything is computed, so that it happens in place. */
    void write(MlxArray update, int start, int end) {
        MlxArray written = Indexing.sliceUpdate(
                        array, update, new int[] {0, 0, start, 0}, new int[] {1, heads, end, dim})
                .detach();
        array.close();
        array = written;
    }

    /** A view of {@code [start, end)}, a temporary of the current scope. */
    MlxArray view(int start, int end) {
        return Indexing.slice(array, new int[] {0, 0, start, 0}, new int[] {1, heads, end, dim});
    }

    /** A copy of {@code [start, end)} even where that is the whole buffer, which MLX would share. */
    MlxArray copy(int start, int end) {
        return copy(view(start, end));
    }

    /** The same of a view. */
    static MlxArray copy(MlxArray view) {
        return Indexing.copy(Indexing.contiguous(view));
    }

    /** The array itself, borrowed; null before the first write. */
    MlxArray array() {
        return array;
    }

    boolean isEmpty() {
        return array == null;
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
