package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * The state that one layer keeps for one running sequence, in buffers that only this object owns.
 *
 * <p>There are two families. A <em>sliceable</em> layer (full attention) holds something for each position, so that any
 * range of positions can be copied out, put back and cut off. A <em>state</em> layer (sliding window, recurrent, short
 * convolution) holds a summary of all tokens before {@link #offset()}, which can be kept and put back at exactly that
 * position only.
 *
 * <p>All methods are called on the thread that owns the model. What a layer computes lazily must be evaluated before
 * {@link #slice} and {@link #state} read it.
 */
public interface LayerCache extends AutoCloseable {
    /** Most arrays that a process keeps for a layer. */
    int ARRAYS_MAX = 8;

    /** Number of tokens that were fed, which is the absolute position of the next one. */
    int offset();

    /** Bytes that this layer has allocated, unused capacity included. */
    long bytes();

    /**
     * Bytes that a layer of this shape must allocate to hold so many tokens; what this one has allocated if that does
     * not depend on them. A layer that has not been written yet does not know its shape, and says 0.
     */
    default long bytesFor(int tokens) {
        return bytes();
    }

    /** Number of native buffers that this layer has allocated. */
    default int bufferCount() {
        return buffers().length;
    }

    /** Whether this is a sliceable layer; the answer never changes. */
    boolean sliceable();

    /**
     * Copies the positions {@code [start, end)} into buffers of their own. Later writes to this layer do not show in
     * the copy.
     *
     * @return the copy; the caller owns it
     * @throws IllegalArgumentException if the range is not within {@code [0, offset())}
     * @throws UnsupportedOperationException for a state layer
     */
    Snapshot slice(int start, int end);

    /**
     * Keeps the state at {@link #offset()}. Later writes to this layer do not show in what is returned.
     *
     * @return the state; the caller owns it
     * @throws UnsupportedOperationException for a sliceable layer
     */
    Snapshot state();

    /**
     * Puts back what {@link #slice} or {@link #state} gave, of this layer in another sequence. A slice must begin at
     * {@link #offset()} and moves the offset to its end; a state replaces all that the layer holds. The snapshot is
     * only read and stays with its owner.
     *
     * @throws IllegalArgumentException if the snapshot does not fit
     */
    void restore(Snapshot snapshot);

    /**
     * Memory of this layer for the positions {@code [offset(), end)}, so that what a slice held of them can be read
     * straight into it. They count once {@link #filled} is called. If it cannot be, {@link #trimTo} gives them up;
     * nothing else may be called before one of the two.
     *
     * @param end position after the last one
     * @param positions how many the slice held
     * @param arrays the form of each of its {@link Snapshot#arrays}, null where there is none
     * @return for each form that is not null the memory of each head, with its positions in order; null if this layer
     *     takes a snapshot of them instead
     * @throws IllegalArgumentException if the arrays are none of such a slice
     */
    default List<List<ByteBuffer>> memory(int end, int positions, List<ArrayForm> arrays) {
        return null;
    }

    /** Moves the offset behind the positions that were put into all parts of {@link #memory}. */
    default void filled(int end) {
        throw new UnsupportedOperationException("this layer takes snapshots only");
    }

    /** For how many {@link Snapshot#arrays} there are places. */
    default int arraysMax() {
        return ARRAYS_MAX;
    }

    /**
     * Makes a slice or a state of this kind of layer from what {@link Snapshot#arrays} gave.
     *
     * @param start first position of a slice, 0 for a state
     * @param end position after the last one
     * @param arrays at the same places, null where there is none; owned by the snapshot from now on
     * @throws IllegalArgumentException if the arrays are none of such a snapshot; they stay with the caller
     */
    default Snapshot snapshot(int start, int end, MlxArray[] arrays) {
        throw new UnsupportedOperationException("this layer does not make snapshots of arrays");
    }

    /**
     * Says that the next growth is to reach as far as this many tokens, and not further: so restoring and prefilling up
     * to there grow no buffer twice, and nothing is allocated for which there is no room. A hint: a layer may ignore
     * it.
     */
    default void reserve(int tokens) {}

    /**
     * A position that no chunk may reach over, because the layer computes differently behind it;
     * {@link Integer#MAX_VALUE} for none.
     */
    default int chunkLimit() {
        return Integer.MAX_VALUE;
    }

    /**
     * Says that some of the next tokens may not belong to the sequence: {@link #trimTo} can go back to any offset from
     * this one on, and has to be called behind them, before anything is copied out. A sliceable layer can go back
     * anyway; a state layer keeps more until then.
     *
     * @param tokens most tokens that are fed until then
     */
    default void mark(int tokens) {}

    /** Bytes that are kept for each position that is fed behind a mark, beside what {@link #bytes} says. */
    default long bytesOfMarked() {
        return 0;
    }

    /**
     * Forgets all positions from {@code offset} on, and ends a mark. A sliceable layer that has none left frees its
     * buffers, so that whatever shaped them no longer matters.
     *
     * @throws IllegalArgumentException if {@code offset} is not within {@code [0, offset()]}
     * @throws UnsupportedOperationException for a state layer, unless {@code offset} equals {@link #offset()}, lies
     *     behind the mark, or the layer still holds all positions
     */
    void trimTo(int offset);

    /**
     * Its sequence takes no steps beside others for now: what it holds in common with their layers it takes into
     * buffers of its own, and computes it.
     */
    default void separate() {}

    /** Forgets all, so that it is as new. */
    default void reset() {
        close();
    }

    /** The arrays that hold the state, for an evaluation of all that was written; borrowed. */
    default MlxArray[] buffers() {
        return new MlxArray[0];
    }

    /** The {@link #buffers()} of all these layers. */
    static MlxArray[] buffers(List<LayerCache> layers) {
        return layers.stream().flatMap(layer -> Arrays.stream(layer.buffers())).toArray(MlxArray[]::new);
    }

    /** Frees the buffers. Idempotent. */
    @Override
    void close();
}
