package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;

/**
 * Keys and values of at most {@code size} positions: the first {@code keep}, which many heads attend to whatever comes
 * later, and the last ones. Each position sees the first {@code keep} and, with itself, the last {@code size - keep}.
 * Sources: mlx-lm's {@code RotatingKVCache}; arXiv:2309.17453.
 *
 * <p>Until the buffers are full they grow with the context. Then they are a ring behind the kept head: a new position
 * takes the place of the oldest, and attention, which does not care about the order of keys, sees all of them. Several
 * positions at once are put in temporal order, so that a mask can tell what each sees.
 */
public final class BoundedKvCache extends BufferedKvCache {
    private final int size;
    private final int keep;
    private int held;
    /** Index of the oldest position behind the kept head, once the buffers are full. */
    private int oldest;
    /** The offset of the mark; -1 if there is none. */
    private int marked = -1;
    /**
     * Whether positions behind the mark would take the place of others, so that they stand beside the buffers until
     * then.
     */
    private boolean waits;
    /** Keys and values that wait; null if there are none. */
    private MlxArray[] waiting;

    /**
     * An empty layer.
     *
     * @param size most positions that are held
     * @param keep first positions that stay
     * @throws IllegalArgumentException if {@code keep} is negative or leaves no room for others
     */
    public BoundedKvCache(int size, int keep) {
        super(size);
        if (keep < 0 || size <= keep) {
            throw new IllegalArgumentException("size (" + size + ") must be greater than keep (" + keep + ")");
        }
        this.size = size;
        this.keep = keep;
        this.oldest = keep;
    }

    @Override
    public boolean sliceable() {
        return false;
    }

    @Override
    public View update(MlxArray newKeys, MlxArray newValues, int length) {
        int end = offset + length;
        View view;
        if (waits) {
            view = showWaiting(newKeys, newValues, length);
        } else if (end <= size) {
            append(newKeys, newValues, end);
            view = View.of(buffers, 0, end, null);
        } else if (length == 1) {
            replaceOldest(newKeys, newValues);
            view = View.of(buffers, 0, size, null);
        } else {
            view = rotate(newKeys, newValues, length);
        }
        offset = end;
        return view;
    }

    private void append(MlxArray newKeys, MlxArray newValues, int end) {
        buffers.write(held, end, newKeys, newValues);
        held = end;
    }

    private void replaceOldest(MlxArray newKeys, MlxArray newValues) {
        buffers.write(oldest, oldest + 1, newKeys, newValues);
        oldest = oldest + 1 == size ? keep : oldest + 1;
    }

    private View showWaiting(MlxArray newKeys, MlxArray newValues, int length) {
        keepWaiting(
                waiting == null
                        ? new MlxArray[] {Indexing.copy(newKeys), Indexing.copy(newValues)}
                        : new MlxArray[] {
                            Indexing.concatenate(2, waiting[0], newKeys), Indexing.concatenate(2, waiting[1], newValues)
                        });
        int before = Math.min(held, size - 1);
        int earlier = before + offset - marked;
        return new View(shown(0, before), shown(1, before), mask(earlier, length));
    }

    private MlxArray shown(int buffer, int count) {
        MlxArray added = waiting[buffer];
        return count == 0 ? added : Indexing.concatenate(2, ordered(buffer, count), added);
    }

    private void keepWaiting(MlxArray[] keysAndValues) {
        MlxArray[] old = waiting;
        waiting = keysAndValues;
        if (waiting != null) {
            waiting[0].detach();
            waiting[1].detach();
        }
        if (old != null) {
            old[0].close();
            old[1].close();
        }
    }

    /** Shows what is held and the new positions in temporal order, and holds what later ones still see. */
    private View rotate(MlxArray newKeys, MlxArray newValues, int length) {
        int before = Math.min(held, size - 1);
        MlxArray allKeys = held == 0 ? newKeys : Indexing.concatenate(2, ordered(0, before), newKeys);
        MlxArray allValues = held == 0 ? newValues : Indexing.concatenate(2, ordered(1, before), newValues);
        buffers.move(0, 0, size, allKeys, allValues);
        buffers.write(0, size, kept(allKeys, before + length), kept(allValues, before + length));
        held = size;
        oldest = keep;
        return new View(allKeys, allValues, mask(before, length));
    }

    /** The kept head and the last positions behind it, {@code count} in all, the oldest first. */
    private MlxArray ordered(int buffer, int count) {
        int dropped = held - count;
        if (oldest == keep && dropped == 0) {
            return buffers.view(buffer, 0, held);
        }
        // what is dropped are the oldest behind the head: they stand at the seam of the ring
        int from = oldest + dropped;
        MlxArray head = buffers.view(buffer, 0, keep);
        if (from >= size) {
            return Indexing.concatenate(2, head, buffers.view(buffer, keep + from - size, oldest));
        }
        MlxArray next = buffers.view(buffer, from, held);
        return oldest == keep
                ? Indexing.concatenate(2, head, next)
                : Indexing.concatenate(2, head, next, buffers.view(buffer, keep, oldest));
    }

    /** Of {@code count} positions in temporal order those that are held. */
    private MlxArray kept(MlxArray all, int count) {
        MlxArray tail = Indexing.slice(all, 2, count - (size - keep), count);
        return keep == 0 ? tail : Indexing.concatenate(2, Indexing.slice(all, 2, 0, keep), tail);
    }

    /** A new position sees the head, and of the others itself and the last ones before it. */
    private MlxArray mask(int before, int length) {
        int context = before + length;
        MlxArray near = Masks.window(length, context, size - keep);
        if (keep == 0) {
            return near;
        }
        MlxArray head = Ops.less(
                Indexing.expandDims(Indexing.arange(0, context, DType.INT32), 0), MlxArray.of(new int[] {keep}, 1));
        return Ops.logicalAnd(Masks.causal(length, context), Ops.logicalOr(near, head));
    }

    @Override
    public Snapshot slice(int start, int end) {
        throw new UnsupportedOperationException("a bounded KV cache is kept by its state");
    }

    @Override
    public long bytesFor(int tokens) {
        return buffers.bytesFor(Math.min(tokens, size));
    }

    @Override
    public Snapshot state() {
        return WindowState.of(
                held == 0 ? new MlxArray[0] : Copies.owned(buffer -> ordered(buffer, held), 0, 1), offset);
    }

    @Override
    public void reserve(int tokens) {
        buffers.reserve(tokens);
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof WindowState state)) {
            throw new IllegalArgumentException("the state of a bounded KV cache was expected, not " + snapshot);
        }
        close();
        if (state.keys() != null) {
            try (Scope scope = Scope.open()) {
                append(state.keys(), state.values(), state.keys().dim(2));
            }
            Eval.eval(buffers());
        }
        offset = state.end();
    }

    @Override
    public Snapshot snapshot(int start, int end, MlxArray[] arrays) {
        return WindowState.read(arrays, size, end);
    }

    @Override
    public void mark(int tokens) {
        marked = offset;
        waits = offset + tokens > size;
    }

    @Override
    public void trimTo(int position) {
        Positions.checkTrim(position, offset);
        if (waits) {
            if (position < marked) {
                throw new UnsupportedOperationException("a bounded KV cache cannot be cut back to before its mark");
            }
            take(position - marked);
            offset = position;
            unmark();
            return;
        }
        marked = -1;
        if (position != offset && offset > size) {
            throw new UnsupportedOperationException("a bounded KV cache that dropped positions cannot be cut back");
        }
        if (position != offset) {
            held = position;
            offset = position;
        }
    }

    /** Writes the first ones that wait. */
    private void take(int count) {
        try (Scope scope = Scope.open()) {
            for (int i = 0; i < count; i++) {
                MlxArray key = Indexing.slice(waiting[0], 2, i, i + 1);
                MlxArray value = Indexing.slice(waiting[1], 2, i, i + 1);
                if (held < size) {
                    append(key, value, held + 1);
                } else {
                    replaceOldest(key, value);
                }
            }
        }
    }

    private void unmark() {
        keepWaiting(null);
        waits = false;
        marked = -1;
    }

    @Override
    public void close() {
        super.close();
        unmark();
        held = 0;
        oldest = keep;
    }
}
