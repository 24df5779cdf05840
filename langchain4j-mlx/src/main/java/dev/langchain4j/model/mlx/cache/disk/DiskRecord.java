package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.Internal;
import java.util.ArrayList;
import java.util.List;

/**
 * A stored part of a path: an edge, with the tokens of the positions {@code [start, end)} and what sliceable layers
 * hold for them, or a state, with what state layers hold at {@code start}, which is its end, too. It goes on from its
 * parent at {@code start}, which may lie within the parent. All but its place is immutable. Guarded by its store.
 */
@Internal
public final class DiskRecord {
    enum Phase {
        /** Waits to be written: it can be gone on from, but not be read. */
        QUEUED,
        STORED,
        DROPPED
    }

    final long id;
    final DiskRecord parent;
    final long scope;
    final int start;
    final int end;
    final boolean state;
    /** The first token of an edge, unless it is hidden. */
    int first;
    /** Whether the first token can be told only once all tokens are read. */
    boolean firstHidden;

    final List<DiskRecord> children = new ArrayList<>();
    /** All tokens of an edge; null until they are read. */
    int[] tokens;

    volatile Phase phase = Phase.QUEUED;
    /** The user with whose key it is encrypted; 0 for the common one. */
    long owner;
    /** Which key that was; 0 if it is not encrypted. */
    long keyId;
    /** Whether it was counted that the key is missing. */
    boolean missed;
    /** How many users have it as the end of what they need. */
    int tips;

    long segment;
    long offset;
    long length;
    int headerCrc;
    /** When it was used last, as a count of uses, which no clock can turn back. */
    long used;

    long usedMillis;
    long writtenMillis;
    /** What was last written of {@link #usedMillis}. */
    long notedMillis;

    DiskRecord(long id, DiskRecord parent, long scope, int start, int end, boolean state, int first) {
        this.id = id;
        this.parent = parent;
        this.scope = scope;
        this.start = start;
        this.end = end;
        this.state = state;
        this.first = first;
    }

    /** The position before the first token of a path of this scope. */
    static DiskRecord root(long scope) {
        DiskRecord root = new DiskRecord(0, null, scope, 0, 0, false, 0);
        root.phase = Phase.STORED;
        return root;
    }

    boolean isSealed() {
        return keyId != 0;
    }

    /** Takes the tokens that were read. */
    void tokens(int[] read) {
        tokens = read;
        if (read.length > 0) {
            first = read[0];
        }
        firstHidden = false;
    }

    /** First position. */
    public int start() {
        return start;
    }

    /** Position after the last one. */
    public int end() {
        return end;
    }

    /** Bytes that it takes of its file, once it can be read. */
    public long bytes() {
        return length;
    }

    /** Whether it can be read. */
    public boolean isStored() {
        return phase == Phase.STORED;
    }

    /** Whether it still is part of the store. */
    public boolean isDropped() {
        return phase == Phase.DROPPED;
    }

    @Override
    public String toString() {
        return (state ? "state " : "edge ") + id + " [" + start + ", " + end + ")";
    }
}
