package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;

/**
 * What a model keeps of the prompts that it computed: statistics, and what an application may ask of it.
 *
 * <p>Thread-safe. {@link #stats} and {@link #conversation} read what was published last and never wait. The others are done
 * between two steps of the model; their futures complete on a thread that is not the model's, so what is chained to them may
 * call the model. When the model is closed nothing is held: the futures then complete with 0 bytes, no nodes and an empty
 * text.
 */
public interface PromptCache {

    /** Counts and sizes, as of the last change. */
    PromptCacheStats stats();

    /**
     * What is known of a conversation, by its memory ID; of several that it means, of the one that was used last.
     *
     * @param conversation its memory ID, or the one that the application knows; null gives nothing
     */
    Optional<ConversationStats> conversation(Object conversation);

    /**
     * Releases all that only this conversation needs, and forgets it, with the turns that the model generated for it. A
     * request of it that runs is not disturbed; what it leaves is released when it ends. Completes with the bytes of memory
     * freed at once, when what only this conversation needs on disk is deleted, too.
     *
     * @param conversation its memory ID; or the one that the application knows, which means the conversations of all AI
     *     services that have it. Nothing happens if it is unknown
     */
    CompletableFuture<Long> evict(Object conversation);

    /**
     * Like {@link #evict}, of all conversations that are known now, in memory or on disk, and whose memory ID the predicate
     * accepts. It is called
     * before this method returns, on the calling thread; what it throws is thrown here, and nothing is evicted then.
     */
    CompletableFuture<Long> evictIf(Predicate<Object> conversation);

    /**
     * Deletes all that is stored, in memory and on disk, but for what the running requests hold, and the turns that the model
     * generated. Completes with the bytes of memory freed.
     */
    CompletableFuture<Long> clear();

    /** What is kept on disk, and since when not, as of now. */
    DiskStats diskStats();

    /** What was computed of prompts before they came, as of the last change. */
    AheadStats aheadStats();

    /** What there is of prefixes that ship with the application, and why not, as of now. */
    DiskStats sharedPrefixStats();

    /**
     * Makes room at once: releases, folds and evicts, in the order in which the limits do, until at most so many bytes are
     * held or only what the running requests hold is left. The limits stay as they are. Completes with the bytes freed.
     *
     * @throws IllegalArgumentException if {@code bytes} is negative
     */
    CompletableFuture<Long> trimTo(long bytes);

    /**
     * Says that {@code child} starts with what {@code parent} has, so that both are kept while either is active; with
     * isolation by memory ID, that they share. Either may be named by the memory ID that the application knows. A
     * conversation that is forked again, also from one of its own forks, starts with what its newest parent has.
     *
     * @throws IllegalArgumentException if both are the same
     */
    CompletableFuture<Void> fork(Object parent, Object child);

    /** What is stored as text, for a maintainer: a line a node with its positions, tier, bytes, sequences and age. */
    CompletableFuture<String> dump();

    /** What is stored, for those who draw or count it: the topmost nodes, of all isolation scopes. */
    CompletableFuture<List<CacheNode>> nodes();
}
