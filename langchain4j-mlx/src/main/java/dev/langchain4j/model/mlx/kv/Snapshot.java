package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;

/**
 * What was kept of one layer: immutable, in buffers of its own, with one owner who closes it.
 *
 * <p>A slice holds the positions {@code [start, end)} of a sliceable layer. A state summarises all tokens before
 * {@code end} and has {@code start == 0}.
 */
public interface Snapshot extends AutoCloseable {

    /** First position held. */
    int start();

    /** Position after the last one held, and where a state resumes. */
    int end();

    /** Bytes held. */
    long bytes();

    /** Number of native buffers. */
    int bufferCount();

    /**
     * Copies the positions {@code [start, end)} of a slice into buffers of their own.
     *
     * @return the copy; the caller owns it
     * @throws IllegalArgumentException if the range is empty or not within this slice
     * @throws UnsupportedOperationException for a state
     */
    Snapshot slice(int start, int end);

    /**
     * The arrays that it holds, each at the place that its kind gives it, null where it holds none; borrowed, or
     * temporaries of the current scope. {@link LayerCache#snapshot} makes a snapshot of such arrays again.
     */
    default MlxArray[] arrays() {
        throw new UnsupportedOperationException("this snapshot holds no arrays");
    }

    /** Frees the buffers. Idempotent. */
    @Override
    void close();
}
