package dev.langchain4j.model.mlx.cache.disk;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** Running counts of a store. Thread-safe. */
final class DiskCounts {
    private static final int REASONS_MAX = 32;

    final AtomicLong bytesQueued = new AtomicLong();
    final LongAdder bytesWritten = new LongAdder();
    final LongAdder bytesKept = new LongAdder();
    final LongAdder bytesRead = new LongAdder();
    final LongAdder hits = new LongAdder();
    final LongAdder tokensRestored = new LongAdder();
    final LongAdder nanosRestoring = new LongAdder();
    final LongAdder evicted = new LongAdder();
    private final Map<String, Long> misses = new TreeMap<>();
    volatile String reason = "";

    /** Why a record is of no use: what is wrong with the file, or that who reads it has no place for such a record. */
    static String reasonOf(Exception e) {
        return e instanceof IOException ? String.valueOf(e.getMessage()) : "does not fit";
    }

    void miss(String why) {
        synchronized (misses) {
            misses.merge(misses.size() < REASONS_MAX ? why : "other", 1L, Long::sum);
        }
    }

    void restored(int tokens, long nanos) {
        hits.increment();
        tokensRestored.add(tokens);
        nanosRestoring.add(nanos);
    }

    DiskStats stats(boolean on, int records, long bytesHeld) {
        Map<String, Long> reasons;
        synchronized (misses) {
            reasons = Map.copyOf(misses);
        }
        return new DiskStats(
                on,
                reason,
                records,
                bytesHeld,
                bytesQueued.get(),
                bytesWritten.sum(),
                bytesKept.sum(),
                bytesRead.sum(),
                hits.sum(),
                tokensRestored.sum(),
                nanosRestoring.sum(),
                evicted.sum(),
                reasons);
    }
}
