package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The buffers of one layer: all hold the same positions and have one capacity. Keys come first, then values. */
final class PositionBuffers implements AutoCloseable {
    private static final int STEP = 256;

    private final PositionBuffer[] buffers;
    private final int capacityMax;
    private int capacity;
    private int reserved;

    /** So many empty buffers, which grow to {@code capacityMax} positions at the most. */
    PositionBuffers(int count, int capacityMax) {
        this.buffers = new PositionBuffer[count];
        this.capacityMax = capacityMax;
        Arrays.setAll(buffers, i -> new PositionBuffer());
    }

    /** Positions that the buffers have room for. */
    int capacity() {
        return capacity;
    }

    /** Number of buffers; 0 before the first write. */
    int count() {
        return capacity == 0 ? 0 : buffers.length;
    }

    /** Makes the next growth reach as far as this and not further, if that is beyond the capacity. */
    void reserve(int positions) {
        reserved = positions;
    }

    /**
     * Writes {@code [start, end)} of each buffer. Where the room ends before, the buffers first grow by a quarter, in
     * steps of 256, so that appending a position costs the same however many there are.
     */
    void write(int start, int end, MlxArray... updates) {
        grow(end, updates);
        for (int i = 0; i < buffers.length; i++) {
            buffers[i].write(updates[i], start, end);
        }
    }

    private void grow(int end, MlxArray... like) {
        if (end > capacity) {
            int wanted = reserved > capacity ? reserved : capacity + capacity / 4;
            move(0, capacity, rounded(Math.max(end, wanted)), like);
        }
    }

    /** Writes what is computed already, and computes it all. */
    void restore(int start, int end, MlxArray... computed) {
        try (Scope scope = Scope.open()) {
            grow(end, computed);
        }
        for (int i = 0; i < buffers.length; i++) {
            buffers[i].restore(computed[i], start, end);
        }
        Eval.eval(arrays());
    }

    /**
     * The memory of {@code [start, end)} of each buffer, a part for each head; null if they do not lie in row order.
     */
    List<List<ByteBuffer>> memory(int start, int end, List<ArrayForm> forms) {
        try (Scope scope = Scope.open()) {
            grow(end, forms.stream().map(PositionBuffers::like).toArray(MlxArray[]::new));
        }
        Eval.eval(arrays());
        List<List<ByteBuffer>> memory = new ArrayList<>();
        for (int i = 0; i < buffers.length; i++) {
            memory.add(buffers[i].memory(forms.get(i), start, end));
        }
        return memory.contains(null) ? null : memory;
    }

    /** An array that has all but the positions; never computed. */
    private static MlxArray like(ArrayForm form) {
        return Indexing.zeros(form.type(), 1, form.shape()[1], 1, form.shape()[3]);
    }

    private int rounded(int positions) {
        return Math.min(capacityMax, Math.ceilDiv(positions, STEP) * STEP);
    }

    /** Bytes of buffers that hold so many positions; 0 before the first write, when their shape is not known. */
    long bytesFor(int positions) {
        return capacity == 0 ? 0 : bytes() / capacity * rounded(positions);
    }

    /** Takes {@code [start, end)} to the front of new buffers; the first ones are shaped as {@code like}. */
    void move(int start, int end, int newCapacity, MlxArray... like) {
        for (int i = 0; i < buffers.length; i++) {
            buffers[i].move(like[i], start, end, newCapacity);
        }
        capacity = newCapacity;
    }

    /** The same, with new positions behind those that are taken, and no room behind them. */
    void moveWith(int start, int end, MlxArray... added) {
        for (int i = 0; i < buffers.length; i++) {
            buffers[i].moveWith(added[i], start, end);
        }
        capacity = end - start + added[0].dim(2);
    }

    /** A view of {@code [start, end)} of one buffer, a temporary of the current scope. */
    MlxArray view(int buffer, int start, int end) {
        return buffers[buffer].view(start, end);
    }

    /** Computed copies of {@code [start, end)} of each buffer; the caller owns them. */
    MlxArray[] copy(int start, int end) {
        return Copies.owned(buffer -> buffer.view(start, end), buffers);
    }

    /** The arrays themselves, borrowed; none before the first write. */
    MlxArray[] arrays() {
        return capacity == 0
                ? new MlxArray[0]
                : Arrays.stream(buffers).map(PositionBuffer::array).toArray(MlxArray[]::new);
    }

    long bytes() {
        long sum = 0;
        for (PositionBuffer buffer : buffers) {
            sum += buffer.bytes();
        }
        return sum;
    }

    @Override
    public void close() {
        for (PositionBuffer buffer : buffers) {
            buffer.close();
        }
        capacity = 0;
    }
}
