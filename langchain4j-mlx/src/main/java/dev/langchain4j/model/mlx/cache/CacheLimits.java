package dev.langchain4j.model.mlx.cache;

import java.time.Duration;
import java.util.Objects;

/**
 * How much a prompt cache may hold.
 *
 * @param bytesMax bytes of everything held, running sequences included
 * @param entriesMax stored positions; 0 switches the cache off
 * @param idleMax how long something may lie unused
 * @param checkpointSpacingTokens distance of the checkpoints of state layers in a long prompt
 * @param evictionOrder what goes first when there is too much
 */
public record CacheLimits(
        long bytesMax, int entriesMax, Duration idleMax, int checkpointSpacingTokens, EvictionOrder evictionOrder) {
    /** Checks that nothing is negative. */
    public CacheLimits {
        Objects.requireNonNull(idleMax, "idleMax");
        Objects.requireNonNull(evictionOrder, "evictionOrder");
        if (bytesMax < 0) {
            throw new IllegalArgumentException("bytesMax (%d) must not be negative".formatted(bytesMax));
        }
        if (entriesMax < 0) {
            throw new IllegalArgumentException("entriesMax (%d) must not be negative".formatted(entriesMax));
        }
        if (idleMax.isNegative()) {
            throw new IllegalArgumentException("idleMax (%s) must not be negative".formatted(idleMax));
        }
        if (checkpointSpacingTokens < 1) {
            throw new IllegalArgumentException(
                    "checkpointSpacingTokens (%d) must be positive".formatted(checkpointSpacingTokens));
        }
    }

    /** With the order of {@link EvictionOrder#expectedLoss()}. */
    public CacheLimits(long bytesMax, int entriesMax, Duration idleMax, int checkpointSpacingTokens) {
        this(bytesMax, entriesMax, idleMax, checkpointSpacingTokens, EvictionOrder.expectedLoss());
    }

    /** A limit of bytes only: any number of entries, an hour of idle time, a checkpoint each 1024 tokens. */
    public static CacheLimits ofBytes(long bytesMax) {
        return new CacheLimits(bytesMax, Integer.MAX_VALUE, Duration.ofHours(1), 1024);
    }

    /** The same limits with another order of eviction. */
    public CacheLimits evicting(EvictionOrder order) {
        return new CacheLimits(bytesMax, entriesMax, idleMax, checkpointSpacingTokens, order);
    }
}
