package dev.langchain4j.model.mlx.cache.disk;

import java.util.Map;

/**
 * A snapshot of the content of the prompt cache on disk, and of its activity since it was opened.
 *
 * @param on whether there is a disk tier and it may be read
 * @param reason why it is off or read-only; empty otherwise
 * @param records parts of prompts and states that are stored
 * @param bytesHeld bytes of all files
 * @param bytesQueued bytes that wait to be written
 * @param bytesWritten bytes written, with headers and what was moved
 * @param bytesKept those of them that were keys, values and states, each written for the first time
 * @param bytesRead bytes read
 * @param hits requests for which something was restored
 * @param tokensRestored tokens that were restored and not computed
 * @param nanosRestoring time that restoring took
 * @param evicted records dropped to keep the limits
 * @param misses what could not be used or written, by reason
 */
public record DiskStats(
        boolean on,
        String reason,
        int records,
        long bytesHeld,
        long bytesQueued,
        long bytesWritten,
        long bytesKept,
        long bytesRead,
        long hits,
        long tokensRestored,
        long nanosRestoring,
        long evicted,
        Map<String, Long> misses) {

    /** What is said where there is no disk tier. */
    public static final DiskStats NONE = new DiskStats(false, "not configured", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, Map.of());

    /** Bytes written for each byte of state that was kept; 1 if nothing was. */
    public double writeAmplification() {
        return bytesKept == 0 ? 1 : (double) bytesWritten / bytesKept;
    }
}
