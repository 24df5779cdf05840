package dev.langchain4j.model.mlx.cache.disk;

import java.time.Duration;
import java.util.Objects;

/**
 * The limits of the prompt cache on disk.
 *
 * @param bytesMax bytes of all files of a model together; what was not used for longest goes first
 * @param bytesPerDay bytes that may be written in a day, so that an SSD is not worn out; what exceeds them is not
 *     written
 * @param idleMax how long something may lie unused
 * @param ageMax how long something may lie there, used or not
 * @param idleBeforeWrite how long a conversation must have no request before it is written
 * @param isolated whether conversations that are isolated by memory ID are written, too
 */
public record DiskLimits(
        long bytesMax,
        long bytesPerDay,
        Duration idleMax,
        Duration ageMax,
        Duration idleBeforeWrite,
        boolean isolated) {
    private static final long BYTES_MIN = 1 << 20;
    private static final long BYTES_PER_DAY = 64L << 30;

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException naming what is out of range
     */
    public DiskLimits {
        if (bytesMax < BYTES_MIN) {
            throw new IllegalArgumentException("bytesMax (%d) must be at least %d".formatted(bytesMax, BYTES_MIN));
        }
        if (bytesPerDay < 0) {
            throw new IllegalArgumentException("bytesPerDay (%d) must not be negative".formatted(bytesPerDay));
        }
        requireNotNegative("idleMax", idleMax);
        requireNotNegative("ageMax", ageMax);
        requireNotNegative("idleBeforeWrite", idleBeforeWrite);
    }

    private static void requireNotNegative(String name, Duration value) {
        if (Objects.requireNonNull(value, name).isNegative()) {
            throw new IllegalArgumentException("%s (%s) must not be negative".formatted(name, value));
        }
    }

    /**
     * A limit of bytes, with 64 GB of writes a day, a month of idle time, 90 days of age, 5 seconds before an idle
     * conversation is written, and nothing of isolated conversations.
     *
     * @throws IllegalArgumentException if {@code bytesMax} is less than 1 MB
     */
    public static DiskLimits ofBytes(long bytesMax) {
        return new DiskLimits(
                bytesMax, BYTES_PER_DAY, Duration.ofDays(30), Duration.ofDays(90), Duration.ofSeconds(5), false);
    }

    /** The same limits with another number of bytes a day; 0 only reads. */
    public DiskLimits bytesPerDay(long bytes) {
        return new DiskLimits(bytesMax, bytes, idleMax, ageMax, idleBeforeWrite, isolated);
    }

    /** The same limits with other durations that something may lie unused, and lie there at all. */
    public DiskLimits keeping(Duration idle, Duration age) {
        return new DiskLimits(bytesMax, bytesPerDay, idle, age, idleBeforeWrite, isolated);
    }

    /** The same limits with another duration before an idle conversation is written. */
    public DiskLimits idleBeforeWrite(Duration idle) {
        return new DiskLimits(bytesMax, bytesPerDay, idleMax, ageMax, idle, isolated);
    }

    /** The same limits, with conversations that are isolated by memory ID written or not. */
    public DiskLimits isolated(boolean written) {
        return new DiskLimits(bytesMax, bytesPerDay, idleMax, ageMax, idleBeforeWrite, written);
    }

    /** A duration in milliseconds; {@link Long#MAX_VALUE} if they are more than that. */
    static long millis(Duration duration) {
        return duration.compareTo(Duration.ofMillis(Long.MAX_VALUE)) < 0 ? duration.toMillis() : Long.MAX_VALUE;
    }
}
