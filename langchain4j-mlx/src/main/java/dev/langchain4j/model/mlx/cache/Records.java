package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;

/** What is kept of one node or state: a snapshot for some of the layers, null for the others. */
final class Records {
    private Records() {}

    static long bytes(Snapshot[] snapshots) {
        long sum = 0;
        if (snapshots != null) {
            for (Snapshot snapshot : snapshots) {
                sum += snapshot == null ? 0 : snapshot.bytes();
            }
        }
        return sum;
    }

    /** Copies a range of slices; closes what it made if one of them fails. */
    static Snapshot[] slice(Snapshot[] slices, int start, int end) {
        Snapshot[] result = new Snapshot[slices.length];
        try {
            for (int i = 0; i < slices.length; i++) {
                result[i] = slices[i] == null ? null : slices[i].slice(start, end);
            }
            return result;
        } catch (RuntimeException e) {
            close(result);
            throw e;
        }
    }

    /** Copies a range of a sequence's sliceable layers. */
    static Snapshot[] slice(Sequence sequence, int start, int end) {
        Snapshot[] result = new Snapshot[sequence.layers.size()];
        try {
            for (int i = 0; i < result.length; i++) {
                LayerCache layer = sequence.layers.get(i);
                result[i] = layer.sliceable() ? layer.slice(start, end) : null;
            }
            return result;
        } catch (RuntimeException e) {
            close(result);
            throw e;
        }
    }

    /** Keeps the states of a sequence's state layers. */
    static Snapshot[] states(Sequence sequence) {
        Snapshot[] result = new Snapshot[sequence.layers.size()];
        try {
            for (int i = 0; i < result.length; i++) {
                LayerCache layer = sequence.layers.get(i);
                result[i] = layer.sliceable() ? null : layer.state();
            }
            return result;
        } catch (RuntimeException e) {
            close(result);
            throw e;
        }
    }

    static void restore(Snapshot[] snapshots, Sequence sequence) {
        for (int i = 0; i < snapshots.length; i++) {
            if (snapshots[i] != null) {
                sequence.layers.get(i).restore(snapshots[i]);
            }
        }
    }

    static void close(Snapshot[] snapshots) {
        if (snapshots != null) {
            for (Snapshot snapshot : snapshots) {
                if (snapshot != null) {
                    snapshot.close();
                }
            }
        }
    }
}
