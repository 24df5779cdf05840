package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.Internal;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * The prompt cache of an engine: what a model computed for its prompts, by their tokens. Many sessions may be open.
 *
 * <p>A single API over the parts: {@link PrefixTrie} finds and holds, {@link SequenceStore} moves between layers and
 * records, {@link Evictor} makes room, {@link Conversations} knows who is expected back, {@link ReusePlan} explains.
 *
 * <p>It belongs to the thread that owns the model. {@link #access} serves other threads.
 */
@Internal
public final class TrieCache implements AutoCloseable {
    private final CacheLimits limits;
    private final LongSupplier nanos;
    private final Grid grid;
    private final Usage usage;
    private final SequenceStore store;
    private final Evictor evictor;
    private final Room room;
    private final RunningSessions running;
    private final Conversations conversations = new Conversations();
    private final ComputedAhead ahead = new ComputedAhead(this);
    private final Map<TrieScope, PrefixTrie> tries = new HashMap<>();
    /** What is kept on disk; null if nothing is. */
    private DiskTier disk;

    private volatile PromptCacheStats published;
    private long tick;
    private int openSessions;
    private volatile boolean closed;

    /** Makes an empty cache that keeps and resumes at any token. */
    public TrieCache(CacheLimits limits, LongSupplier nanos) {
        this(limits, nanos, 0);
    }

    /**
     * Makes an empty cache that keeps and resumes whole chunks of prefill only, so that what is reused was computed in
     * the very pieces in which it would be computed now.
     *
     * @param limits how much it may hold
     * @param nanos a clock in nanoseconds, for the idle time only
     * @param gridTokens the chunk size of prefill; 0 keeps and resumes at any token
     */
    public TrieCache(CacheLimits limits, LongSupplier nanos, int gridTokens) {
        this.grid = new Grid(gridTokens);
        this.running = new RunningSessions(grid);
        this.limits = Objects.requireNonNull(limits, "limits");
        this.nanos = Objects.requireNonNull(nanos, "nanos");
        this.usage = new Usage(limits);
        this.store = new SequenceStore(usage);
        this.evictor = new Evictor(limits, usage, store, conversations);
        this.room = new Room(usage, this::makeRoom);
        publish();
    }

    /** Keeps what is worth it on disk, too. To be called once, before anything else. The tier stays the caller's. */
    public void keepOnDisk(DiskTier tier) {
        disk = tier;
        tier.memory(usage::bytesMax);
        usage.queuedBytes = tier.store()::bytesQueued;
        evictor.beforeEviction(tier::leaving);
        tier.expect(conversation -> conversations.odds().expected(conversation, tick));
    }

    /** Holds no more than other models leave, in bytes and native buffers. To be called once, before all else. */
    public void within(LongSupplier bytes, LongSupplier buffers) {
        usage.within(bytes, buffers);
        publish();
    }

    /** Counts as held what is kept beside it. */
    public void beside(SideCache side) {
        usage.side = side;
    }

    DiskTier disk() {
        return disk;
    }

    /**
     * The cache as applications see it. May be called from any thread.
     *
     * @param owner runs tasks on the thread that owns the model
     * @param listener hears of evictions and forks, on the threads that ask for them
     */
    public PromptCache access(Executor owner, ConversationListener listener) {
        return new PromptCacheAccess(this, owner, listener);
    }

    // ---- requests ------------------------------------------------------------------------------------------------

    /** Whether this request may begin now, by the memory that its prompt takes. Changes nothing. */
    public Admission admission(CacheRequest request) {
        return room.admission(request.key(), request.tokens().length, openSessions == 0);
    }

    /**
     * Finds the longest reusable prefix and gives a session whose layers hold it. A request that is not to be admitted
     * runs without the cache, and has no room to grow. If this throws, nothing is held for the request.
     *
     * @throws NonRetriableException if the cache is closed
     */
    public CacheSession begin(CacheRequest request) {
        if (closed) {
            throw new NonRetriableException("the model was closed");
        }
        ahead.stop(Outcome.CANCELLED);
        tick++;
        usage.requests++;
        usage.promptTokens += request.tokens().length;
        boolean tooLarge = admission(request) == Admission.NEVER;
        usage.refused += tooLarge ? 1 : 0;
        CacheSession session;
        if (limits.keepNothing() || tooLarge) {
            session = unstored(request, ReusePlan.Reason.DISABLED);
        } else if (request.sharesWithNobody()) {
            session = unstored(request, ReusePlan.Reason.NEW);
        } else {
            try {
                session = stored(request);
            } finally {
                tries.values().removeIf(PrefixTrie::isEmpty);
                publish();
            }
        }
        openSessions++;
        return session;
    }

    /**
     * Begins to compute what a prompt that is still to come begins with; see {@link ComputedAhead}.
     *
     * @param request the beginning, and one token more
     * @param tokensMin fewer tokens are not worth it
     * @return null if nothing is to be computed: it is there, there is no room, or the conversation is not stored
     */
    public CacheSession beginAhead(CacheRequest request, int tokensMin) {
        PrefixTrie trie = closed || request.sharesWithNobody() ? null : tries.get(scopeOf(request));
        return trie == null ? null : ahead.begin(request, trie, tokensMin);
    }

    /** What was computed ahead so far. May be read by any thread. */
    public AheadStats aheadStats() {
        return ahead.stats();
    }

    /**
     * The longest prefix of a prompt that a running session is computing, if it is well beyond what could be resumed
     * now. Changes nothing; {@link CacheSession#shareAt} then makes sure that it can be resumed.
     *
     * @param step the prefix has a multiple of so many tokens
     * @return null if there is none
     */
    public PendingPrefix pending(CacheRequest request, int step) {
        if (closed || request.sharesWithNobody() || admission(request) == Admission.NEVER) {
            return null;
        }
        PrefixTrie trie = tries.get(scopeOf(request));
        return trie == null ? null : running.pending(trie, request.tokens(), step);
    }

    /** Whether whole chunks of prefill are kept, and nothing else. */
    public boolean keepsWholeChunks() {
        return grid.tokens() > 0;
    }

    private CacheSession unstored(CacheRequest request, ReusePlan.Reason reason) {
        PrefixTrie none = new PrefixTrie(new Usage(limits));
        Sequence sequence = new Sequence(none, room.newLayers(request), null);
        try {
            publish();
            ReusePlan plan = new ReusePlan(0, 0, reason, -1, request.tokens()[0]);
            return new CacheSession(this, request, sequence, false, plan);
        } catch (Throwable e) {
            sequence.closeLayers();
            throw e;
        }
    }

    private CacheSession stored(CacheRequest request) {
        LookupEvent event = new LookupEvent();
        event.begin();
        evictor.expire(tries.values(), nanos.getAsLong());
        PrefixTrie trie = tries.computeIfAbsent(scopeOf(request), this::newTrie);
        if (disk != null) {
            disk.finishFor(trie, request);
        }
        running.publish(trie, request.tokens());
        PrefixTrie.Match match = trie.match(request.tokens());
        Conversation conversation = request.conversation() == null
                ? conversations.continuedBy(match)
                : conversations.named(request.conversation(), tick);
        conversation.enter(trie);
        conversations.observeReturn(conversation, trie, match, tick);
        boolean newcomer = !conversation.isKnown();
        conversation.begin();
        Sequence sequence = null;
        try {
            TrieNode node = trie.nodeToResume(match, grid, request.tokens());
            ReusePlan plan = ReusePlan.of(request.tokens(), node.end(), match, conversation);
            sequence = store.resume(trie, node, conversation, () -> room.newLayers(request));
            noteUse(sequence.tail, conversation, newcomer);
            conversation.begun(tick, request.tokens().length, plan.resumePosition());
            usage.cachedTokens += plan.resumePosition();
            CacheSession session = new CacheSession(this, request, sequence, true, plan);
            session.allow(room.grantPrompt(request.key(), sequence, request.tokens().length));
            evictor.enforce(tries.values(), sequence, 0, tick);
            if (disk != null) {
                disk.offer(session, grid);
            }
            event.commit(request, match, plan);
            running.add(session);
            return session;
        } catch (Throwable e) {
            conversation.failed();
            if (sequence != null) {
                store.discard(sequence);
            }
            throw e;
        }
    }

    private PrefixTrie newTrie(TrieScope scope) {
        PrefixTrie trie = new PrefixTrie(usage);
        trie.diskScope = disk == null ? PrefixTrie.NOT_ON_DISK : disk.scope(scope.owner());
        return trie;
    }

    private TrieScope scopeOf(CacheRequest request) {
        boolean shared = request.isolation() == Isolation.SHARED;
        return new TrieScope(request.key(), shared ? null : conversations.family(request.conversation()));
    }

    /** Notes that a path was used: fetching is a use. */
    private void noteUse(TrieNode node, Conversation conversation, boolean newcomer) {
        if (newcomer && node.newcomers == 1) {
            conversations.odds().observeSecondUse();
        }
        ahead.used(node);
        node.used(conversation, newcomer, tick, nanos.getAsLong());
        if (node.parent != null) {
            usage.hit(node.tier);
        }
    }

    // ---- sessions ------------------------------------------------------------------------------------------------

    /** Called when a running sequence comes to the end of a system message that was not stored. */
    void newPrefix(TrieNode node) {
        node.newcomers = 1;
        conversations.odds().observeNewPrefix();
    }

    /** Called as a running sequence grows. */
    void grown(CacheSession session) {
        Sequence sequence = session.sequence();
        usage.measure(sequence);
        room.learn(session.key(), sequence);
        if (session.isStored()) {
            conversations.reached(sequence.conversation, sequence.trie, sequence.tail, session.checkpoints());
            // For what is too large to be kept nothing is evicted: it ends at its next step.
            if (sequence.bytes <= usage.bytesMax() && !session.isAhead()) {
                evictor.enforce(tries.values(), sequence, 0, tick);
            }
        }
        publish();
    }

    Room room() {
        return room;
    }

    /** Evicts what is needed for a running sequence to take so many more bytes. */
    private void makeRoom(Sequence sequence, long bytes) {
        evictor.enforce(tries.values(), sequence, bytes, tick);
    }

    void ended(CacheSession session, Outcome outcome) {
        running.remove(session);
        openSessions -= session.isAhead() ? 0 : 1;
        Sequence sequence = session.sequence();
        if (!session.isStored() || closed) {
            usage.forget(sequence);
            publish();
            sequence.closeLayers();
            return;
        }
        Conversation conversation = sequence.conversation;
        try {
            if (outcome == Outcome.FAILED) {
                store.discard(sequence);
            } else {
                keep(session);
            }
        } catch (Throwable e) {
            if (sequence.running && sequence.trie.sequences.contains(sequence)) {
                store.discard(sequence);
            }
            throw e;
        } finally {
            if (session.isAhead()) {
                ahead.ended(session, outcome);
            } else {
                conversation.end(outcome == Outcome.TOOL_CALL, outcome == Outcome.FINISHED);
            }
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
        usage.measure(sequence);
        if (sequence.bytes > usage.bytesMax() || sequence.length() == 0) {
            usage.refused += sequence.length() == 0 ? 0 : 1;
            store.discard(sequence);
            return;
        }
        sequence.tail.used(sequence.conversation, false, tick, nanos.getAsLong());
        TrieNode tail = sequence.tail;
        if (exact) {
            store.park(sequence);
        } else {
            store.keepRecords(sequence);
        }
        conversations.ended(sequence.conversation, sequence.trie, tail, session.checkpoints());
        if (disk != null && !sequence.conversation.forgotten) {
            disk.ended(sequence.conversation);
        }
        if (session.isAhead()) {
            return;
        }
        evictor.enforce(tries.values(), exact ? sequence : null, 0, tick);
        // What runs may leave no room for what was just finished.
        evictor.enforce(tries.values(), null, 0, tick);
    }

    // ---- what applications ask for -------------------------------------------------------------------------------

    /** Releases what only the conversations of these memory IDs need, and forgets them; gives the bytes freed. */
    long evict(Predicate<Object> conversation) {
        long held = usage.bytesHeld();
        ahead.stop(Outcome.FAILED, conversation);
        usage.side.clear();
        if (disk != null) {
            disk.forget(conversation);
        }
        for (Conversation known : conversations.accepted(conversation)) {
            conversations.forget(known);
            release(known);
        }
        publish();
        return held - usage.bytesHeld();
    }

    private void release(Conversation conversation) {
        EvictionEvent event = new EvictionEvent();
        event.begin();
        long held = usage.bytesHeld();
        tries.values().forEach(trie -> store.release(trie, conversation));
        tries.values().removeIf(PrefixTrie::isEmpty);
        event.released(conversation.length, held - usage.bytesHeld());
    }

    /** Makes room until at most this many bytes or only running sequences are left; returns the bytes freed. */
    long trimTo(long bytes) {
        ahead.stop(Outcome.CANCELLED);
        long held = usage.bytesHeld();
        usage.side.clear();
        long more = Math.max(0, usage.bytesMax() - bytes) - usage.promisedBytes;
        evictor.enforce(tries.values(), null, more, tick);
        tries.values().removeIf(PrefixTrie::isEmpty);
        publish();
        return held - usage.bytesHeld();
    }

    /** Releases all that is stored, also on disk, but for what running requests need; gives the bytes freed. */
    long clear() {
        long held = usage.bytesHeld();
        ahead.stop(Outcome.FAILED);
        List.copyOf(tries.values()).forEach(store::dropIfAtRest);
        trimTo(0);
        if (disk != null) {
            // last, for what is evicted is queued for the disk
            disk.clear();
        }
        return held - usage.bytesHeld();
    }

    void fork(Object parent, Object child) {
        Object left = conversations.fork(parent, child, tick);
        if (left != null) {
            // Nobody can reach any more what that family had to itself.
            tries.forEach((scope, trie) -> {
                if (left.equals(scope.owner())) {
                    store.dropIfAtRest(trie);
                }
            });
            tries.values().removeIf(PrefixTrie::isEmpty);
        }
        publish();
    }

    /** Evicts what was not used for longer than the limits allow. */
    public void expire() {
        if (!closed) {
            evictor.expire(tries.values(), nanos.getAsLong());
            tries.values().removeIf(PrefixTrie::isEmpty);
            publish();
        }
    }

    String dump() {
        return TrieDump.of(tries, tick);
    }

    List<CacheNode> nodes() {
        return tries.values().stream()
                .flatMap(trie -> CacheNode.below(trie.root(), tick).stream())
                .toList();
    }

    /** Frees everything; sessions that are still open free their layers when they close. Idempotent. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        if (disk != null) {
            disk.flush();
            usage.queuedBytes = () -> 0;
        }
        closed = true;
        List<PrefixTrie> all = new ArrayList<>(tries.values());
        tries.clear();
        all.forEach(store::drop);
        publish();
    }

    // ---- what the parts ask for ----------------------------------------------------------------------------------

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

    Conversations conversations() {
        return conversations;
    }

    Iterable<PrefixTrie> tries() {
        return tries.values();
    }

    /** Counts and sizes, as of the last change. May be read by any thread. */
    public PromptCacheStats stats() {
        return published;
    }

    private void publish() {
        published = usage.toStats(conversations.size());
    }

    /** The trie that conversations of this model share, or null if it is empty. */
    PrefixTrie sharedTrie(CacheKey key) {
        return tries.get(new TrieScope(key, null));
    }
}
