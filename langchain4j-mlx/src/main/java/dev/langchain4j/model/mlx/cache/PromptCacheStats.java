package dev.langchain4j.model.mlx.cache;

import java.time.Duration;
import java.util.Map;

/**
 * A snapshot of the prompt cache's counts and sizes.
 *
 * @param tiers what is stored, by tier
 * @param requests requests begun since the cache was made
 * @param promptTokens tokens of their prompts
 * @param cachedTokens those of them that were reused
 * @param bytesHeld bytes of all that is held: records, parked sequences and running ones
 * @param bytesRunning those of them that belong to running sequences
 * @param bytesPromised bytes that running sequences may still grow by
 * @param bytesMax bytes that may be held: {@link CacheLimits#bytesMax}, or what other models of the process leave of it
 * @param buffersHeld native buffers of all that is held
 * @param buffersMax native buffers that may be held: {@link CacheLimits#buffersMax}, or what other models leave of them
 * @param bytesCopied bytes copied since the cache was made, for branches, folding and checkpoints
 * @param folds idle sequences whose buffers were folded into the trie
 * @param refused insertions refused because they alone exceed a limit
 * @param conversations conversations known
 * @param savedByMemory time that computing what requests found in memory would have taken, by the best rates of prefill
 *     that were seen since the model was loaded
 * @param savedByDisk the same of what they restored from disk, without the time that restoring took; negative where
 *     computing would have been faster
 */
public record PromptCacheStats(
        Map<Tier, TierStats> tiers,
        long requests,
        long promptTokens,
        long cachedTokens,
        long bytesHeld,
        long bytesRunning,
        long bytesPromised,
        long bytesMax,
        long buffersHeld,
        long buffersMax,
        long bytesCopied,
        long folds,
        long refused,
        int conversations,
        Duration savedByMemory,
        Duration savedByDisk) {

    /**
     * What is stored under one tier.
     *
     * @param entries stored positions that end in this tier
     * @param bytes bytes of their records
     * @param tokens tokens stored
     * @param hits requests that resumed in this tier
     * @param evictions entries evicted
     */
    public record TierStats(int entries, long bytes, long tokens, long hits, long evictions) {}
}
