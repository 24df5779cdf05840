package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;

/**
 * The prompt cache of a model: statistics, eviction and forks.
 *
 * <p>Thread-safe. {@link #stats} and {@link #conversation} read the last published values and never wait. The other
 * methods run between two steps of the model. Their futures complete on a thread that is not the model's, so chained
 * code may call the model. For a closed model they complete with 0 bytes, no nodes and an empty text.
 */
public interface PromptCache {

    /** Counts and sizes, as of the last change. */
    PromptCacheStats stats();

    /**
     * The statistics of a conversation, by its memory ID; if the ID means several, those of the one that was used last.
     *
     * @param conversation its memory ID, or the one that the application knows; null gives nothing
     */
    Optional<ConversationStats> conversation(Object conversation);

    /**
     * Releases the data that only this conversation needs, and forgets it, with the turns that the model generated for
     * it. A running request is not disturbed; its data is released when it ends. Completes with the bytes of memory
     * that were freed at once, after the conversation's own data on disk is deleted as well.
     *
     * @param conversation its memory ID; or the one that the application knows, which means the conversations of all AI
     *     services that have it. Nothing happens if it is unknown
     */
    CompletableFuture<Long> evict(Object conversation);

    /**
     * Like {@link #evict}, for all currently known conversations, in memory or on disk, whose memory ID the predicate
     * accepts. The predicate is called before this method returns, on the calling thread. If it throws, this method
     * throws and evicts nothing.
     */
    CompletableFuture<Long> evictIf(Predicate<Object> conversation);

    /**
     * Deletes everything in memory and on disk, and the generated turns, except for the data of running requests.
     * Completes with the bytes of memory freed.
     */
    CompletableFuture<Long> clear();

    /** The content of the disk tier, or why it is off, as of now. */
    DiskStats diskStats();

    /** Statistics of prompts that were computed ahead, as of the last change. */
    AheadStats aheadStats();

    /** The content of the prefixes that ship with the application, or why there is none, as of now. */
    DiskStats sharedPrefixStats();

    /**
     * Makes room at once: releases, folds and evicts in the usual order, until at most this many bytes are held, or
     * only the data of running requests is left. The limits are unchanged. Completes with the bytes freed.
     *
     * @throws IllegalArgumentException if {@code bytes} is negative
     */
    CompletableFuture<Long> trimTo(long bytes);

    /**
     * Declares that {@code child} starts with the prefix of {@code parent}: both are kept while either is active, and
     * share under isolation by memory ID. Either may be named by the application's memory ID. A conversation that is
     * forked again, also from one of its own forks, starts with the prefix of its newest parent.
     *
     * @throws IllegalArgumentException if both are the same
     */
    CompletableFuture<Void> fork(Object parent, Object child);

    /** The trie as text, for maintainers: one line per node with its positions, tier, bytes, sequences and age. */
    CompletableFuture<String> dump();

    /** The trie for drawing and counting: the topmost nodes, of all isolation scopes. */
    CompletableFuture<List<CacheNode>> nodes();
}
