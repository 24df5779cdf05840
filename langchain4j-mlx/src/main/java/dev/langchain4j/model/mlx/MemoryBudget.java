package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.PromptCacheStats;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * The memory that the models of a process share: weights, prompt caches, running requests.
 *
 * <ul>
 *   <li>What weights and the limits that applications set leave of the budget is divided by the number of the other
 *       prompt caches, and one more: that share is for temporary arrays. The shares change when models are loaded and
 *       closed.
 *   <li>A model is loaded if its weights fit beside other weights and running requests. What prompt caches keep gives
 *       way.
 *   <li>If the process takes more than its footprint limit, prompt caches give way, and if that is not enough, new
 *       requests and models are refused.
 * </ul>
 *
 * <p>Thread-safe. Waits for other models only on threads that are not theirs.
 */
final class MemoryBudget {
    /** Of all models of this process. */
    static final MemoryBudget SHARED = new MemoryBudget(new Source() {});

    /** As many bytes as anybody could want. */
    private static final long UNLIMITED = Long.MAX_VALUE / 4;
    /** How long prompt caches may take to give way: some steps of their models. */
    private static final long GIVING_WAY_SECONDS = 5;
    /**
     * The part of the footprint limit that is freed beyond what is too much, so that the next request need not do it
     * again.
     */
    private static final int SPARE_PART = 64;

    /** Where numbers come from: by default this process. */
    interface Source {
        /** Bytes that all models may hold together; 0 for no limit. */
        default long budgetBytes() {
            return MlxMemory.budgetBytes();
        }

        /** Bytes of the weights that are loaded or being loaded. */
        default long weightBytes() {
            return MlxMemory.weightBytes();
        }

        /** Native buffers of a process; 0 for any number. */
        default long buffersMax() {
            return MlxMemory.limits().buffersMax();
        }

        /** Bytes that the process takes; 0 if that is not known. */
        default long footprintBytes() {
            return MlxMemory.footprintBytes();
        }

        /** Bytes that it may take at most. */
        default long footprintLimitBytes() {
            return MlxMemory.footprintLimitBytes();
        }

        /** Whether weights and prompt caches count in what the process takes. */
        default boolean sharesMemory() {
            return MlxMemory.limits().sharesMemory();
        }

        /** Gives freed memory back to the system. */
        default void giveBack() {
            MlxMemory.giveBack();
        }
    }

    /** A prompt cache, for threads that are not its model's. */
    interface Cache {
        PromptCacheStats stats();

        /** Evicts until at most so many bytes are held; completes on any thread. */
        CompletableFuture<Long> trimTo(long bytes);
    }

    private final Source source;
    private final Object pressure = new Object();
    private final Set<Claim> claims = ConcurrentHashMap.newKeySet();

    MemoryBudget(Source source) {
        this.source = source;
    }

    /** The part of a prompt cache, until it is closed. */
    final class Claim implements AutoCloseable {
        private final CacheLimits limits;
        private volatile Cache cache;
        private volatile long bytesMax;
        private volatile long buffersMax;

        private Claim(CacheLimits limits) {
            this.limits = limits;
        }

        /** The limits that the application set, else those of a cache that is limited by {@link #bytesMax} alone. */
        CacheLimits limits() {
            return limits == null ? CacheLimits.ofBytes(UNLIMITED).buffers(Integer.MAX_VALUE) : limits;
        }

        /** Bytes that it may hold now. */
        long bytesMax() {
            return bytesMax;
        }

        /** Native buffers that it may hold now. */
        long buffersMax() {
            return buffersMax;
        }

        /** Says which cache it is. */
        void heldBy(Cache held) {
            cache = held;
        }

        private long bytesHeld() {
            return cache == null ? 0 : cache.stats().bytesHeld();
        }

        /** Bytes that no eviction frees. */
        private long bytesInUse() {
            PromptCacheStats stats = cache == null ? null : cache.stats();
            return stats == null ? 0 : stats.bytesRunning() + stats.bytesPromised();
        }

        private void divide(long bytes, long buffers) {
            long before = bytesMax;
            // what runs goes on
            bytesMax = limits == null ? Math.max(bytes, bytesInUse()) : limits.bytesMax();
            boolean less = bytesMax < before || buffers < buffersMax;
            buffersMax = buffers;
            if (less && cache != null) {
                cache.trimTo(bytesMax);
            }
        }

        @Override
        public void close() {
            claims.remove(this);
            share(0);
        }
    }

    /** Claims memory for a prompt cache: what these limits say, or if they are null, a share of what is left. */
    Claim claim(CacheLimits limits) {
        Claim claim = new Claim(limits);
        claims.add(claim);
        share(0);
        return claim;
    }

    /** Divides what there is; what holds more than its share gives way. */
    private synchronized void share(long moreWeightBytes) {
        long budget = source.budgetBytes();
        long left = budget <= 0 ? UNLIMITED : Math.max(0, budget - source.weightBytes() - moreWeightBytes);
        int shares = 1;
        for (Claim claim : claims) {
            shares += claim.limits == null ? 1 : 0;
            left -= claim.limits == null ? 0 : Math.min(left, claim.limits.bytesMax());
        }
        long buffers = source.buffersMax() == 0 ? Long.MAX_VALUE : source.buffersMax() / (claims.size() + 1);
        for (Claim claim : claims) {
            claim.divide(left / shares, buffers);
        }
    }

    /** Bytes that weights and running requests take, which cannot give way. */
    long takenBytes() {
        long taken = source.weightBytes();
        for (Claim claim : claims) {
            taken += claim.bytesInUse();
        }
        return taken;
    }

    /** Whether so many bytes of weights, and what computing with them needs, fit beside what cannot give way. */
    boolean fits(long weightBytes) {
        long budget = source.budgetBytes();
        return budget <= 0 || takenBytes() + weightBytes + MlxMemory.reserveBytes(weightBytes) <= budget;
    }

    /**
     * Refuses weights that do not fit, before they are read, and lets prompt caches give way for others.
     *
     * @throws InvalidRequestException with what they take and what there is
     */
    void check(String name, long weightBytes) {
        if (!fits(weightBytes)) {
            throw new InvalidRequestException(
                    "cannot load %s: its weights take %s, and computation takes %s; all models may take at most %s,"
                                    .formatted(
                                            name,
                                            MlxModelEstimate.size(weightBytes),
                                            MlxModelEstimate.size(MlxMemory.reserveBytes(weightBytes)),
                                            MlxModelEstimate.size(source.budgetBytes()))
                            + " of which " + MlxModelEstimate.size(takenBytes()) + " are in use. Close a model, take a"
                            + " smaller or more quantized one, or raise the limit with MlxMemory.setLimit");
        }
        makeRoom(name, weightBytes);
    }

    /**
     * Lets prompt caches give way for a model that is about to be loaded.
     *
     * @throws InvalidRequestException if the process would take more than its footprint limit all the same
     */
    void makeRoom(String name, long weightBytes) {
        share(weightBytes);
        long over = giveWay(source.sharesMemory() ? weightBytes : 0);
        if (over > 0) {
            throw new InvalidRequestException(
                    "cannot load %s: its weights take %s, and the process takes %s of the %s that"
                                    .formatted(
                                            name,
                                            MlxModelEstimate.size(weightBytes),
                                            MlxModelEstimate.size(source.footprintBytes()),
                                            MlxModelEstimate.size(source.footprintLimitBytes()))
                            + " it may take. Close a model, use a smaller Java heap (-Xmx), take a smaller or"
                            + " more quantized model, or raise the limit with MlxMemory.setFootprintLimit");
        }
    }

    /**
     * To be called for each new request: lets prompt caches give way if the process takes too much. A single request is
     * always admitted, for waiting would not make room for it.
     *
     * @throws RateLimitException if it takes too much all the same, and other requests run
     */
    void admit() {
        share(0);
        if (giveWay(0) > 0 && runs()) {
            throw new RateLimitException("the process takes %s of memory, and may take at most %s: try again later,"
                            .formatted(
                                    MlxModelEstimate.size(source.footprintBytes()),
                                    MlxModelEstimate.size(source.footprintLimitBytes()))
                    + " close a model, use a smaller Java heap (-Xmx), or raise the limit with"
                    + " MlxMemory.setFootprintLimit");
        }
    }

    private boolean runs() {
        return claims.stream().anyMatch(claim -> claim.bytesInUse() > 0);
    }

    /**
     * Lets the caches that hold most give way until so many bytes more are free; gives the bytes that are too many
     * still.
     */
    private long giveWay(long more) {
        // shares may change meanwhile, for this waits for other models
        synchronized (pressure) {
            return over(more) > 0 ? relieve(more) : 0;
        }
    }

    private long relieve(long more) {
        long over = over(more);
        long toFree = over + source.footprintLimitBytes() / SPARE_PART;
        List<Claim> largest = claims.stream()
                .sorted(Comparator.comparingLong(Claim::bytesHeld).reversed())
                .toList();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(GIVING_WAY_SECONDS);
        for (Claim claim : largest) {
            long held = claim.bytesHeld();
            if (source.sharesMemory() && toFree > 0 && held > 0 && System.nanoTime() < end) {
                toFree -= freed(claim.cache.trimTo(Math.max(0, held - toFree)), end);
            }
        }
        source.giveBack();
        return over(more);
    }

    private long over(long more) {
        long footprint = source.footprintBytes();
        return footprint == 0 ? 0 : footprint + more - source.footprintLimitBytes();
    }

    private static long freed(CompletableFuture<Long> trimmed, long end) {
        return trimmed.completeOnTimeout(0L, Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS)
                .exceptionally(failure -> 0L)
                .join();
    }
}
