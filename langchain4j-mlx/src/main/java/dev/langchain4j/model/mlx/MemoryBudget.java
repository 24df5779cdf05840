package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import java.util.HashSet;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * The memory that the prompt caches of a process share. What one model's cache may take is promised to no other: a
 * default limit is half of what weights and earlier caches leave. Limits that an application sets hold as they are, and
 * count for later defaults. Thread-safe.
 */
final class MemoryBudget {
    /** Of all models of this process. */
    static final MemoryBudget SHARED = new MemoryBudget(MemoryBudget::usableBytes, MlxMemory::activeBytes);

    /** How many buffers Metal has for a process. */
    private static final int BUFFERS = 499_000;

    private final LongSupplier usable;
    private final LongSupplier active;
    private final Set<Claim> claims = new HashSet<>();

    /**
     * A budget of its own.
     *
     * @param usable bytes that MLX may use
     * @param active bytes in use: weights, and what caches hold
     */
    MemoryBudget(LongSupplier usable, LongSupplier active) {
        this.usable = usable;
        this.active = active;
    }

    /** What a cache may take until it is closed. */
    final class Claim implements AutoCloseable {
        private final CacheLimits limits;
        private volatile LongSupplier held = () -> 0;

        private Claim(CacheLimits limits) {
            this.limits = limits;
        }

        CacheLimits limits() {
            return limits;
        }

        /** Says how many bytes the cache holds, so that they do not count as weights. */
        void heldBy(LongSupplier bytesHeld) {
            held = bytesHeld;
        }

        @Override
        public void close() {
            synchronized (MemoryBudget.this) {
                claims.remove(this);
            }
        }
    }

    /** Claims memory for a cache: what these limits say, or if they are null, the default. */
    synchronized Claim claim(CacheLimits limits) {
        Claim claim = new Claim(limits == null ? defaultLimits() : limits);
        claims.add(claim);
        return claim;
    }

    private CacheLimits defaultLimits() {
        long weights = active.getAsLong();
        long left = usable.getAsLong();
        long buffers = BUFFERS;
        for (Claim claim : claims) {
            weights -= Math.min(claim.held.getAsLong(), claim.limits.bytesMax());
            left -= Math.min(left, claim.limits.bytesMax());
            buffers -= claim.limits.buffersMax();
        }
        long bytesMax = Math.max(0, left - Math.max(0, weights)) / 2;
        return CacheLimits.ofBytes(bytesMax).buffers((int) Math.max(0, buffers) / 2);
    }

    /**
     * What MLX should use of this machine, or of this container: a fifth is left to the JVM and others, as MLX leaves
     * it.
     */
    private static long usableBytes() {
        return Math.min(MlxMemory.budgetBytes(), ContainerMemory.limitBytes() / 5 * 4);
    }
}
