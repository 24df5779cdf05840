package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.ConversationListener;
import dev.langchain4j.model.mlx.cache.DiskTier;
import dev.langchain4j.model.mlx.cache.IdleTimer;
import dev.langchain4j.model.mlx.cache.PromptCache;
import dev.langchain4j.model.mlx.cache.PromptCacheStats;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.FeatureCache;
import dev.langchain4j.model.mlx.prompt.PromptWriter;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.concurrent.CompletableFuture;

/** A model's prompt cache with what belongs to it: its share of the memory, and the timer for what is idle. */
final class ModelCache implements AutoCloseable {
    /** The part of the limit that features of images may have. */
    private static final int FEATURES_PART = 8;

    private final MemoryBudget.Claim claim;
    private final TrieCache trie;
    private final PromptCache access;
    private final DiskTier tier;
    private final IdleTimer timer;
    private final PromptWriter prompts;

    /**
     * Makes an empty cache, once the weights are loaded.
     *
     * @param limits null for the default
     * @param prompts hears of evictions and forks, and so does the listener
     * @param gridTokens the chunk size of prefill, to keep whole chunks only; 0 to keep any token
     * @param disk where it is kept on disk, too
     */
    ModelCache(
            CacheLimits limits,
            MlxThread owner,
            PromptWriter prompts,
            ConversationListener listener,
            int gridTokens,
            DiskCache disk,
            CacheKey key) {
        this.prompts = prompts;
        tier = disk.open(key, owner, gridTokens);
        claim = MemoryBudget.SHARED.claim(limits);
        trie = new TrieCache(claim.limits(), System::nanoTime, gridTokens);
        access = trie.access(owner, prompts.andThen(listener));
        trie.within(claim::bytesMax, claim::buffersMax);
        claim.heldBy(new MemoryBudget.Cache() {
            @Override
            public PromptCacheStats stats() {
                return access.stats();
            }

            @Override
            public CompletableFuture<Long> trimTo(long bytes) {
                return access.trimTo(bytes);
            }
        });
        if (tier != null) {
            trie.keepOnDisk(tier);
            prompts.keepOnDisk(tier);
        }
        timer = IdleTimer.start(trie, claim.limits(), owner);
    }

    /** How many bytes it may hold now. */
    long bytesMax() {
        return claim.bytesMax();
    }

    /** Lets the disk tier, if there is one, take nothing but what the layers of the engine's model keep. */
    void checkAgainst(Engine engine, MlxThread owner) {
        if (tier != null) {
            engine.whenAbandoned(tier::close);
            owner.run(() -> tier.expect(engine.layerForms()));
        }
    }

    /** What keeps the features of images that a tower makes, within a part of the limit; the caller closes it. */
    FeatureCache features(VisionTower tower) {
        FeatureCache features =
                new FeatureCache(tower, claim.limits().keepNothing() ? 0 : claim.bytesMax() / FEATURES_PART);
        trie.beside(features);
        return features;
    }

    /** For the engine, on the model's thread. */
    TrieCache trie() {
        return trie;
    }

    /** For applications, on any thread. */
    PromptCache access() {
        return access;
    }

    /** Frees everything. To be called on the model's thread. Idempotent. */
    @Override
    public void close() {
        timer.close();
        trie.close();
        prompts.forget();
        if (tier != null) {
            tier.close();
        }
        claim.close();
    }
}
