package dev.langchain4j.model.mlx.cache;

import java.time.Duration;
import java.util.Objects;

/**
 * The limits of a prompt cache.
 *
 * @param bytesMax bytes of everything held. Running sequences count as they grow: one that reaches the limit ends, and
 *     a prompt that alone exceeds it is refused. 0 keeps nothing and limits no running sequence
 * @param entriesMax stored positions; 0 keeps nothing
 * @param buffersMax native buffers of everything held: each kept state or range of positions takes one or more of each
 *     layer. Metal has 499,000 for the whole process, and each of its prompt caches an equal share of them at most
 * @param idleMax how long something may lie unused
 * @param checkpointSpacingTokens distance of the checkpoints of state layers in a long prompt
 * @param evictionOrder what goes first when there is too much
 */
public record CacheLimits(
        long bytesMax,
        int entriesMax,
        int buffersMax,
        Duration idleMax,
        int checkpointSpacingTokens,
        EvictionOrder evictionOrder) {
    /** The default of {@link #buffersMax}: half of what Metal has. */
    public static final int BUFFERS_MAX = 250_000;

    /**
     * Checks that nothing is negative.
     *
     * @throws IllegalArgumentException naming what is out of range
     */
    public CacheLimits {
        Objects.requireNonNull(idleMax, "idleMax");
        Objects.requireNonNull(evictionOrder, "evictionOrder");
        requireNotNegative("bytesMax", bytesMax);
        requireNotNegative("entriesMax", entriesMax);
        requireNotNegative("buffersMax", buffersMax);
        if (idleMax.isNegative()) {
            throw new IllegalArgumentException("idleMax (%s) must not be negative".formatted(idleMax));
        }
        if (checkpointSpacingTokens < 1) {
            throw new IllegalArgumentException(
                    "checkpointSpacingTokens (%d) must be positive".formatted(checkpointSpacingTokens));
        }
    }

    private static void requireNotNegative(String name, long value) {
        if (value < 0) {
            throw new IllegalArgumentException("%s (%d) must not be negative".formatted(name, value));
        }
    }

    /** With {@link #BUFFERS_MAX} buffers and the order of {@link EvictionOrder#expectedLoss()}. */
    public CacheLimits(long bytesMax, int entriesMax, Duration idleMax, int checkpointSpacingTokens) {
        this(bytesMax, entriesMax, BUFFERS_MAX, idleMax, checkpointSpacingTokens, EvictionOrder.expectedLoss());
    }

    /**
     * A limit of bytes only: any number of entries, {@link #BUFFERS_MAX} buffers, an hour of idle time, a checkpoint
     * each 1024 tokens.
     */
    public static CacheLimits ofBytes(long bytesMax) {
        return new CacheLimits(bytesMax, Integer.MAX_VALUE, Duration.ofHours(1), 1024);
    }

    /** The same limits with another order of eviction. */
    public CacheLimits evicting(EvictionOrder order) {
        return new CacheLimits(bytesMax, entriesMax, buffersMax, idleMax, checkpointSpacingTokens, order);
    }

    /** The same limits with another number of native buffers. */
    public CacheLimits buffers(int max) {
        return new CacheLimits(bytesMax, entriesMax, max, idleMax, checkpointSpacingTokens, evictionOrder);
    }

    /** Whether nothing is ever kept. */
    public boolean keepNothing() {
        return bytesMax == 0 || entriesMax == 0 || buffersMax == 0;
    }

    /** {@link #idleMax} in nanoseconds; {@link Long#MAX_VALUE} if they are more than that. */
    long idleNanos() {
        return idleMax.compareTo(Duration.ofNanos(Long.MAX_VALUE)) < 0 ? idleMax.toNanos() : Long.MAX_VALUE;
    }
}
