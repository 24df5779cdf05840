package dev.langchain4j.model.mlx.cache.disk;

/**
 * How many bytes may be written: a bucket that holds a day's bytes and empties evenly over a day. Its clock only goes
 * forward. Not thread-safe.
 */
final class WriteBudget {
    private static final double DAY_NANOS = 24 * 3600e9;

    private final long bytesPerDay;
    private double level;
    private long nanos;

    /** @param level bytes that were written in the last day, those from long ago counting less */
    WriteBudget(long bytesPerDay, double level, long nanos) {
        this.bytesPerDay = bytesPerDay;
        this.level = level;
        this.nanos = nanos;
    }

    /** Whether so many bytes more may be written now. */
    boolean allows(long bytes, long nowNanos) {
        level = Math.max(0, level - Math.max(0, nowNanos - nanos) / DAY_NANOS * bytesPerDay);
        nanos = nowNanos;
        return level + bytes <= bytesPerDay;
    }

    void spend(long bytes) {
        level += bytes;
    }
}
