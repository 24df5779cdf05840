package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * Keeps what a model computed for its prompts, found by their tokens.
 *
 * <p>A single API over the parts: {@link PrefixTrie} finds and holds, {@link SequenceStore} moves between layers and
 * records, {@link Evictor} makes room, {@link Conversations} remembers who is expected back, {@link ReusePlan} explains.
 *
 * <p>Threads: {@link #begin}, all methods of its session and {@link #close} belong to the one thread that owns the
 * model. The others may be called from anywhere: {@link #evict}, {@link #trimTo}, {@link #fork}, {@link #nodes} and
 * {@link #dump} are run on the owner through the executor that the cache was made with, {@link #stats} and
 * {@link #conversation} read what the owner published last.
 */
public final class PromptCache implements AutoCloseable {
    /** Who shares a trie: all requests of a model, or those of one conversation. */
    private record Scope(CacheKey key, Object owner) {}

    /** Room for an answer in new buffers, so that the first tokens do not make them grow. */
    private static final int ANSWER_TOKENS = 256;

    private final CacheLimits limits;
    private final Executor owner;
    private final LongSupplier nanos;
    private final Grid grid;
    private final Usage usage = new Usage();
    private final SequenceStore store;
    private final Evictor evictor;
    private final Conversations conversations = new Conversations();
    private final Map<Scope, PrefixTrie> tries = new HashMap<>();
    private volatile PromptCacheStats published;
    private volatile ConversationListener listener = new ConversationListener() {};
    private long tick;
    private boolean closed;

    /**
     * Makes an empty cache.
     *
     * @param limits how much it may hold
     * @param owner runs tasks on the thread that owns the model
     * @param nanos a clock in nanoseconds, for the idle time only
     */
    public PromptCache(CacheLimits limits, Executor owner, LongSupplier nanos) {
        this(limits, owner, nanos, 0);
    }

    /**
     * Makes an empty cache that keeps and resumes whole chunks of prefill only, so that what is reused was computed in
     * the very pieces in which it would be computed now.
     *
     * @param limits how much it may hold
     * @param owner runs tasks on the thread that owns the model
     * @param nanos a clock in nanoseconds, for the idle time only
     * @param gridTokens the chunk size of prefill; 0 keeps and resumes at any token
     */
    public PromptCache(CacheLimits limits, Executor owner, LongSupplier nanos, int gridTokens) {
        this.grid = new Grid(gridTokens);
        this.limits = Objects.requireNonNull(limits, "limits");
        this.owner = Objects.requireNonNull(owner, "owner");
        this.nanos = Objects.requireNonNull(nanos, "nanos");
        this.store = new SequenceStore(usage, limits.bytesMax());
        this.evictor = new Evictor(limits, usage, store);
        publish();
    }

    /**
     * Finds the longest reusable prefix and gives a session whose layers hold it.
     *
     * @throws IllegalStateException if the cache is closed
     */
    public CacheSession begin(CacheRequest request) {
        if (closed) {
            throw new IllegalStateException("the prompt cache is closed");
        }
        tick++;
        int length = request.tokens().length;
        usage.requests++;
        usage.promptTokens += length;
        if (limits.entriesMax() == 0 || limits.bytesMax() == 0) {
            return unstored(request, ReusePlan.Reason.DISABLED);
        }
        LookupEvent event = new LookupEvent();
        event.begin();
        PrefixTrie trie = tries.computeIfAbsent(scopeOf(request), scope -> new PrefixTrie(usage));
        if (length * trie.bytesPerToken() > limits.bytesMax()) {
            usage.refused++;
            return unstored(request, ReusePlan.Reason.DISABLED);
        }
        evictor.expire(tries.values(), nanos.getAsLong());
        PrefixTrie.Match match = trie.match(request.tokens());
        Conversation conversation = request.conversation() == null
                ? conversations.continuedBy(match)
                : conversations.named(request.conversation(), tick);
        conversation.enter(trie);
        conversations.observeReturn(conversation, trie, match, tick);
        TrieNode node = resumeNode(trie, match, grid.lineAt(Math.min(match.matched(), length - 1)));
        ReusePlan plan = ReusePlan.of(request.tokens(), node.end(), match, conversation);
        Sequence sequence = store.resume(trie, node, conversation, () -> roomyLayers(request));
        if (!conversation.isKnown() && node.newcomers == 1) {
            conversations.odds().observeSecondUse();
        }
        used(node, conversation, !conversation.isKnown());
        if (node.parent != null) {
            usage.hit(node.tier);
        }
        conversation.begin(tick, length, plan.resumePosition());
        usage.cachedTokens += plan.resumePosition();
        long room = (long) ((length - plan.resumePosition()) * trie.bytesPerToken());
        evictor.enforce(tries.values(), conversations, sequence, room, tick);
        publish();
        event.conversation = conversation.toString();
        event.promptTokens = length;
        event.matchedTokens = match.matched();
        event.resumePosition = plan.resumePosition();
        event.reason = plan.reason().name();
        event.commit();
        return new CacheSession(this, request, sequence, true, plan);
    }

    private static List<LayerCache> roomyLayers(CacheRequest request) {
        List<LayerCache> layers = request.newLayers().get();
        layers.forEach(layer -> layer.reserve(request.tokens().length + ANSWER_TOKENS));
        return layers;
    }

    private Scope scopeOf(CacheRequest request) {
        if (request.isolation() == Isolation.SHARED) {
            return new Scope(request.key(), null);
        }
        Object id = request.conversation();
        return new Scope(request.key(), id == null ? new Object() : conversations.eldest(id));
    }

    private CacheSession unstored(CacheRequest request, ReusePlan.Reason reason) {
        PrefixTrie none = new PrefixTrie(new Usage());
        Sequence sequence = new Sequence(none, request.newLayers().get(), null);
        publish();
        return new CacheSession(this, request, sequence, false, new ReusePlan(0, 0, reason, -1, request.tokens()[0]));
    }

    /** The deepest node at or before {@code position} that can be resumed. */
    private static TrieNode resumeNode(PrefixTrie trie, PrefixTrie.Match match, int position) {
        return trie.stateful() ? trie.resumable(match.node(), position) : trie.nodeAt(match.node(), position);
    }

    /** Notes that a path was used: fetching is a use. */
    private void used(TrieNode node, Conversation conversation, boolean newcomer) {
        long now = nanos.getAsLong();
        for (TrieNode n = node; n.parent != null; n = n.parent) {
            n.usedTick = tick;
            n.usedNanos = now;
            n.newcomers += newcomer ? 1 : 0;
            n.shared |= n.owner != conversation;
        }
    }

    /** Called when a running sequence comes to the end of a system message that was not stored. */
    void newPrefix(TrieNode node) {
        node.newcomers = 1;
        conversations.odds().observeNewPrefix();
    }

    /** Called as a running sequence grows. */
    void grown(CacheSession session) {
        Sequence sequence = session.sequence();
        conversations.reached(sequence.conversation, sequence.trie, sequence.tail, session.checkpoints());
        usage.setBytes(sequence, sequence.layerBytes());
        evictor.enforce(tries.values(), conversations, sequence, 0, tick);
        publish();
    }

    /** Called when a session ends whose sequence belongs to no trie, or no longer. */
    void left(Sequence sequence) {
        sequence.closeLayers();
    }

    void ended(CacheSession session, Outcome outcome) {
        Sequence sequence = session.sequence();
        Conversation conversation = sequence.conversation;
        try {
            if (outcome == Outcome.FAILED) {
                store.discard(sequence);
            } else {
                keep(session);
            }
        } catch (RuntimeException e) {
            if (sequence.running && sequence.trie.sequences.contains(sequence)) {
                store.discard(sequence);
            }
            throw e;
        } finally {
            conversation.end(outcome == Outcome.TOOL_CALL, outcome == Outcome.FINISHED);
            if (conversation.forgotten) {
                release(conversation);
            }
            tries.values().removeIf(PrefixTrie::isEmpty);
            publish();
        }
    }

    private void keep(CacheSession session) {
        Sequence sequence = session.sequence();
        boolean exact = session.settle();
        usage.setBytes(sequence, sequence.layerBytes());
        sequence.trie.learnBytes(sequence);
        if (sequence.bytes > limits.bytesMax() || sequence.length() == 0) {
            usage.refused += sequence.length() == 0 ? 0 : 1;
            store.discard(sequence);
            return;
        }
        used(sequence.tail, sequence.conversation, false);
        TrieNode tail = sequence.tail;
        if (exact) {
            store.park(sequence);
        } else {
            store.keepRecords(sequence);
        }
        conversations.ended(sequence.conversation, sequence.trie, tail, session.checkpoints());
        evictor.enforce(tries.values(), conversations, exact ? sequence : null, 0, tick);
        // What runs may leave no room for what was just finished.
        evictor.enforce(tries.values(), conversations, null, 0, tick);
    }

    /**
     * Releases all that only this conversation needs, and forgets it. A request of it that runs is not disturbed; what
     * only it left is released when it ends. Completes with the bytes freed at once.
     *
     * @param conversation its memory ID; or the one that the application knows, which means the conversations of all AI
     *     services that have it. Nothing happens if it is unknown
     */
    public CompletableFuture<Long> evict(Object conversation) {
        Objects.requireNonNull(conversation, "conversation");
        return evictIf(id -> ConversationKey.means(conversation, id));
    }

    /**
     * Like {@link #evict}, of all conversations whose memory ID the predicate accepts. It is called on the thread that
     * owns the model.
     */
    public CompletableFuture<Long> evictIf(Predicate<Object> conversation) {
        Objects.requireNonNull(conversation, "conversation");
        listener.evicted(conversation);
        return CompletableFuture.supplyAsync(
                () -> {
                    long held = usage.bytesHeld();
                    for (Conversation known : conversations.accepted(conversation)) {
                        conversations.forget(known);
                        release(known);
                    }
                    publish();
                    return held - usage.bytesHeld();
                },
                owner);
    }

    /**
     * Makes room at once: releases, folds and evicts, in the order in which the limits do, until at most so many bytes are
     * held or only what runs is left. The limits stay as they are. Completes with the bytes freed.
     *
     * @throws IllegalArgumentException if {@code bytes} is negative
     */
    public CompletableFuture<Long> trimTo(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("bytes (%d) must not be negative".formatted(bytes));
        }
        return CompletableFuture.supplyAsync(
                () -> {
                    long held = usage.bytesHeld();
                    long room = Math.max(0, limits.bytesMax() - bytes);
                    evictor.enforce(tries.values(), conversations, null, room, tick);
                    tries.values().removeIf(PrefixTrie::isEmpty);
                    publish();
                    return held - usage.bytesHeld();
                },
                owner);
    }

    private void release(Conversation conversation) {
        EvictionEvent event = new EvictionEvent();
        event.begin();
        long held = usage.bytesHeld();
        tries.values().forEach(trie -> store.release(trie, conversation));
        tries.values().removeIf(PrefixTrie::isEmpty);
        event.tier = Tier.ASSISTANT.name();
        event.end = conversation.length;
        event.limit = "released";
        event.bytesFreed = held - usage.bytesHeld();
        event.commit();
    }

    /**
     * Says that {@code child} starts with what {@code parent} has, so that both are kept while either is active; with
     * isolation by memory ID, that they share. Either may be named by the memory ID that the application knows.
     */
    public CompletableFuture<Void> fork(Object parent, Object child) {
        Objects.requireNonNull(parent, "parent");
        Objects.requireNonNull(child, "child");
        if (parent.equals(child)) {
            throw new IllegalArgumentException("child (%s) must not be its own parent".formatted(child));
        }
        listener.forked(parent, child);
        return CompletableFuture.runAsync(() -> conversations.fork(parent, child, tick), owner);
    }

    /** Says who hears of evictions and forks, on the threads that ask for them; one listener at most. */
    public void listener(ConversationListener hearing) {
        listener = Objects.requireNonNull(hearing, "hearing");
    }

    /** Counts and sizes, as of the last change. */
    public PromptCacheStats stats() {
        return published;
    }

    /** What is known of a conversation, by its memory ID; of several that it means, of the one that was used last. */
    public Optional<ConversationStats> conversation(Object id) {
        return Optional.ofNullable(conversations.meant(id)).map(conversation -> conversation.stats);
    }

    /** The tries as text, for a maintainer: a line a node with its positions, tier, bytes, sequences and age. */
    public CompletableFuture<String> dump() {
        return CompletableFuture.supplyAsync(
                () -> {
                    StringBuilder out = new StringBuilder();
                    tries.forEach((scope, trie) -> {
                        out.append(scope.key().model()).append(scope.owner() == null ? "" : " of " + scope.owner());
                        out.append('\n');
                        TrieDump.append(out, trie.root(), tick, 1);
                    });
                    return out.toString();
                },
                owner);
    }

    /**
     * The tries as records, for those who draw or count them: the topmost nodes, of all models and isolation scopes.
     * Completes when the request that runs has ended.
     */
    public CompletableFuture<List<CacheNode>> nodes() {
        return CompletableFuture.supplyAsync(
                () -> tries.values().stream()
                        .flatMap(trie -> CacheNode.below(trie.root(), tick).stream())
                        .toList(),
                owner);
    }

    /** Frees everything; sessions that are still open free their layers when they close. Idempotent. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (PrefixTrie trie : tries.values()) {
            for (Sequence sequence : new ArrayList<>(trie.sequences)) {
                if (sequence.running) {
                    store.abandon(sequence);
                } else {
                    store.discard(sequence);
                }
            }
            for (TrieNode child : List.of(trie.root().children())) {
                trie.remove(child);
            }
        }
        tries.clear();
        publish();
    }

    boolean isClosed() {
        return closed;
    }

    Grid grid() {
        return grid;
    }

    CacheLimits limits() {
        return limits;
    }

    SequenceStore store() {
        return store;
    }

    Usage usage() {
        return usage;
    }

    Iterable<PrefixTrie> tries() {
        return tries.values();
    }

    private void publish() {
        published = usage.toStats(conversations.size());
    }

    /** The trie that conversations of this model share, or null if it is empty. */
    PrefixTrie sharedTrie(CacheKey key) {
        return tries.get(new Scope(key, null));
    }
}
