package dev.langchain4j.model.mlx.cache;

import java.util.concurrent.CompletableFuture;

/**
 * Keeps what a model computed for its prompts, found by their tokens.
 *
 * <p>Threads: {@link #begin}, all methods of its session and {@link #close} belong to the one thread that owns the
 * model. The others may be called from anywhere: {@link #evict}, {@link #fork} and {@link #dump} are run on the owner
 * through the executor that the cache was made with, {@link #stats} reads what the owner published last.
 */
public interface PromptCache extends AutoCloseable {

    /** Finds the longest reusable prefix and gives a session whose layers hold it. */
    CacheSession begin(CacheRequest request);

    /** Releases all that only this conversation needs. Completes with the bytes freed. */
    CompletableFuture<Long> evict(Object conversation);

    /** Says that {@code child} starts with what {@code parent} has, so that both are kept while either is active. */
    CompletableFuture<Void> fork(Object parent, Object child);

    /** Counts and sizes, as of the last change. */
    PromptCacheStats stats();

    /** The trie as text, for a maintainer. */
    CompletableFuture<String> dump();

    /** Frees everything; sessions that are still open free their layers when they close. Idempotent. */
    @Override
    void close();
}
