package dev.langchain4j.model.mlx.ranks;

/**
 * What the leading rank did and the others are to do, in a fixed number of integers. A command is about a sequence and
 * some of its layers, one behind the other; or about snapshots with numbers one behind the other.
 *
 * @param target number of the sequence, or of the first snapshot
 * @param first index of the first layer
 * @param count how many layers or snapshots
 */
record Command(Kind kind, int target, int first, int count, int a, int b, int c) {
    /** How many integers a command takes. */
    static final int INTS = 7;

    /** What is to be done. */
    enum Kind {
        /** A new sequence has empty layers. */
        NEW,
        /** The next span of the pass that follows is of this sequence, and has {@code a} tokens. */
        SPAN,
        /** A forward pass of the spans before, {@code a} tokens together. */
        PASS,
        /** Layers may grow to {@code a} tokens. */
        RESERVE,
        /** Layers keep what is needed to go back, for {@code a} tokens. */
        MARK,
        /** Layers forget all from position {@code a} on. */
        TRIM,
        /** Layers take what they share with others into buffers of their own. */
        SEPARATE,
        /** Layers are closed. */
        CLOSE,
        /** Positions {@code [a, b)} of layers become the snapshots from number {@code c} on. */
        SLICE,
        /** The states of layers become the snapshots from number {@code c} on. */
        STATE,
        /** Layers get back the snapshots from number {@code c} on. */
        RESTORE,
        /** Positions {@code [a, b)} of snapshots become those from number {@code c} on. */
        CUT,
        /** Snapshots are closed. */
        DROP,
        /** A layer forgets all, and goes on. */
        RESET,
        /** The arrays of a snapshot are wanted: an exchange follows. */
        COLLECT,
        /** An exchange brings the arrays of a layer's positions {@code [a, b)}, which become snapshot {@code c}. */
        SPREAD,
        /** There is nothing to do for {@code a} milliseconds. */
        REST,
        /** The leading rank closes the model. */
        END;

        /** Whether {@code c} counts on with layers or snapshots. */
        private boolean numbers() {
            return this == SLICE || this == STATE || this == RESTORE || this == CUT;
        }

        /** Whether the target is a snapshot, and counts on. */
        boolean isOfSnapshots() {
            return this == CUT || this == DROP;
        }

        private boolean joins() {
            return ordinal() >= RESERVE.ordinal() && ordinal() <= DROP.ordinal();
        }
    }

    private static final Kind[] KINDS = Kind.values();

    static Command of(Kind kind, int target, int a) {
        return new Command(kind, target, 0, 0, a, 0, 0);
    }

    static Command ofLayer(Kind kind, int sequence, int layer, int a) {
        return new Command(kind, sequence, layer, 1, a, 0, 0);
    }

    /** This command and the next one as one; null if they are not of neighbours. */
    Command with(Command next) {
        boolean same = kind == next.kind && kind.joins() && a == next.a && b == next.b;
        boolean follows = kind.isOfSnapshots()
                ? next.target == target + count
                : next.target == target && next.first == first + count;
        boolean counts = next.c == (kind.numbers() ? c + count : c);
        return same && follows && counts ? new Command(kind, target, first, count + next.count, a, b, c) : null;
    }

    void write(int[] record, int at) {
        int[] fields = {kind.ordinal(), target, first, count, a, b, c};
        System.arraycopy(fields, 0, record, at, INTS);
    }

    static Command read(int[] record, int at) {
        if (record[at] < 0 || record[at] >= KINDS.length) {
            throw new IllegalStateException("there is no command " + record[at]);
        }
        return new Command(
                KINDS[record[at]],
                record[at + 1],
                record[at + 2],
                record[at + 3],
                record[at + 4],
                record[at + 5],
                record[at + 6]);
    }
}
