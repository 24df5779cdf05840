package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.Internal;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskPath;
import dev.langchain4j.model.mlx.cache.disk.DiskRecord;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import dev.langchain4j.model.mlx.cache.disk.Need;
import dev.langchain4j.model.mlx.cache.disk.SharedPrefixes;
import dev.langchain4j.model.mlx.cache.disk.StoredPaths;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of a prompt cache goes to disk, and when: the system message and tools of every prompt as soon as they were
 * computed; conversations when they were idle for a while, before they are evicted, and when the model is closed;
 * prompts that came once and without a memory ID never. What ships with the application is read beside it. All of it
 * belongs to the thread that owns the model, where it copies one unit of bytes at a time, between two steps; a thread
 * of the store writes them.
 */
@Internal
public final class DiskTier implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DiskTier.class);
    /** A unit takes at most this fraction of the memory, and two of them may wait to be written. */
    private static final int QUEUE_SHARE = 32;

    private static final String USER = "user";

    private static final long NANOS_TO_CLOSE = 10_000_000_000L;

    private final DiskStore store;
    private final SharedPrefixes prefixes;
    private final DiskLimits limits;
    private final SnapshotCodec codec;
    private final MemoryIdNames names;
    private final Executor owner;
    private final int ranks;
    private final LongSupplier nanos;
    private final Deque<DiskWrite> waiting = new ArrayDeque<>();
    /** Conversations that have more than what was written, and since when they are idle; written in this order. */
    private final Map<Conversation, Long> unwritten = new LinkedHashMap<>();

    /** How often a request of a conversation is expected, of all requests to come. */
    private ToDoubleFunction<Conversation> expected = conversation -> 1;

    private final List<CacheSession> restoring = new ArrayList<>();
    /** Bytes that the cache may hold in memory now. */
    private LongSupplier memory = () -> Long.MAX_VALUE;

    private boolean scheduled;
    private boolean timed;
    private Thread timer;
    private CompletableFuture<Void> deleted = CompletableFuture.completedFuture(null);

    /**
     * Puts a tier together.
     *
     * @param store is closed with the tier
     * @param prefixes what is read only, and closed with the tier, too
     * @param owner runs tasks on the thread that owns the model
     * @param ranks over how many processes the layers are split: records have the shares of all, memory that of one
     * @param nanos a clock in nanoseconds
     */
    public DiskTier(
            DiskStore store,
            SharedPrefixes prefixes,
            DiskLimits limits,
            MemoryIdNames names,
            Executor owner,
            int ranks,
            LongSupplier nanos) {
        this(store, prefixes, limits, names, owner, ranks, nanos, new ArrayCodec());
    }

    DiskTier(
            DiskStore store,
            SharedPrefixes prefixes,
            DiskLimits limits,
            MemoryIdNames names,
            Executor owner,
            int ranks,
            LongSupplier nanos,
            SnapshotCodec codec) {
        this.prefixes = prefixes;
        this.store = store;
        this.limits = limits;
        this.names = names;
        this.owner = owner;
        this.ranks = ranks;
        this.nanos = nanos;
        this.codec = codec;
        store.whenWritten(this::schedule);
        store.forgetUnnamed();
    }

    DiskStore store() {
        return store;
    }

    /** Says what the layers keep: a record of anything else is a miss. On the thread that owns the model. */
    public void expect(LayerForms forms) {
        codec.expect(forms);
    }

    /** Says how much memory the cache may hold at any time, of which copies for the disk take a small part. */
    void memory(LongSupplier bytesMax) {
        memory = bytesMax;
    }

    /** Says how often a request of a conversation is expected, of all requests to come. */
    void expect(ToDoubleFunction<Conversation> uses) {
        expected = uses;
    }

    private boolean hasRoomInQueue() {
        return store.bytesQueued() < 2 * unitBytes() * ranks;
    }

    /** Bytes of this process that should be written at a time. */
    long unitBytes() {
        return Math.max(1, Math.min(store.unitBytes(), memory.getAsLong() / QUEUE_SHARE + 1) / ranks);
    }

    /** Whether a record may be written of which this process has so many bytes. */
    boolean takes(long bytes) {
        return store.takes(bytes * ranks);
    }

    /** Bytes of this process that a token of a record takes. */
    double tokenBytes(DiskRecord record) {
        return (double) record.bytes() / ranks / (record.end() - record.start());
    }

    SnapshotCodec codec() {
        return codec;
    }

    /** Counts and sizes as of now. May be called by any thread. */
    public DiskStats stats() {
        return store.stats();
    }

    /** The same of what is read only. May be called by any thread. */
    public DiskStats prefixStats() {
        return prefixes.stats();
    }

    // ---- who it is for -------------------------------------------------------------------------------------------

    /** The number of a conversation in the store: 0 for those without a memory ID, none if it is not kept on disk. */
    private OptionalLong user(Object id) {
        byte[] name = id == null ? null : names.name(id);
        if (id != null && name == null) {
            return OptionalLong.empty();
        }
        long user = id == null ? 0 : store.number(USER, name);
        return store.takesFor(user, name) ? OptionalLong.of(user) : OptionalLong.empty();
    }

    /** The number of what an isolated family shares; not on disk unless the limits allow it. */
    long scope(Object family) {
        if (family == null) {
            return 0;
        }
        byte[] name = limits.isolated() ? names.name(family) : null;
        return name == null ? PrefixTrie.NOT_ON_DISK : store.number("family", name);
    }

    /** The memory IDs on disk that the predicate accepts. May be called by any thread. */
    List<Object> ids(Predicate<Object> accepted) {
        return store.names().values().stream()
                .map(names::id)
                .filter(id -> id != null && accepted.test(id))
                .toList();
    }

    void need(Conversation conversation, List<Need> needs) {
        OptionalLong user = user(conversation.id);
        if (store.isOn() && user.isPresent() && !conversation.forgotten) {
            name(conversation.id, user.getAsLong());
            store.need(user.getAsLong(), needs, false);
        }
    }

    /** The memory ID of a name; null if it is none. */
    public Object idOf(byte[] name) {
        return names.id(name);
    }

    /**
     * Keeps a note that is deleted with its conversation. May be called by any thread.
     *
     * @param isolated whether it belongs to a request that shared nothing
     * @param note makes it of the conversation's name, null for one without a memory ID
     */
    public void note(Object id, boolean isolated, Function<byte[], byte[]> note) {
        OptionalLong user = store.isOn() ? user(id) : OptionalLong.empty();
        if (user.isPresent() && (!isolated || limits.isolated())) {
            name(id, user.getAsLong());
            store.note(user.getAsLong(), note.apply(id == null ? null : names.name(id)));
        }
    }

    /** The notes of earlier runs, the oldest first; only the first time. */
    public List<byte[]> takeNotes() {
        return store.takeNotes();
    }

    private void name(Object id, long user) {
        if (id != null) {
            store.name(user, names.name(id));
        }
    }

    // ---- restoring -----------------------------------------------------------------------------------------------

    /** Lets those that restore what this prompt begins with, too, do so at once: it is read from disk only once. */
    void finishFor(PrefixTrie trie, CacheRequest request) {
        for (CacheSession session : List.copyOf(restoring)) {
            if (session.sequence().trie == trie) {
                session.restoreFor(request);
            }
        }
        restoring.removeIf(session -> !session.isRestoring());
    }

    /** Lets a session restore what memory does not have of its prompt. */
    void offer(CacheSession session, Grid grid) {
        if (!sources(session.sequence().trie).isEmpty()) {
            Restoration found = new Restoration(this, session, grid);
            if (!found.isDone()) {
                session.restoreFrom(found);
                restoring.add(session);
            }
        }
    }

    /** What a prompt may be restored from; of two that have as much, the first. */
    List<StoredPaths> sources(PrefixTrie trie) {
        List<StoredPaths> sources = new ArrayList<>();
        if (prefixes.isOn()) {
            sources.add(prefixes);
        }
        if (store.isOn() && trie.diskScope != PrefixTrie.NOT_ON_DISK) {
            sources.add(store);
        }
        return sources;
    }

    /** Whether this is read only, so that its uses are not recorded. */
    boolean isShared(StoredPaths source) {
        return source == prefixes;
    }

    // ---- writing -------------------------------------------------------------------------------------------------

    /** A request of a conversation ended, and is stored. */
    void ended(Conversation conversation) {
        if (!store.isOn()) {
            return;
        }
        TrieNode system = conversation.place(Conversation.Place.SYSTEM);
        if (system.parent != null && system.tier == Tier.SYSTEM && !isShipped(conversation.trie, system)) {
            write(conversation, system, List.of(system), true);
        }
        if (conversation.id != null || conversation.requests() > 1 || conversation.inToolLoop) {
            unwritten.put(conversation, nanos.getAsLong());
            time();
        }
    }

    /** Whether a prompt that begins like this can be restored from what is read only. */
    private boolean isShipped(PrefixTrie trie, TrieNode node) {
        if (!prefixes.isOn()) {
            return false;
        }
        DiskPath path = prefixes.match(trie.diskScope, DiskWrite.path(node));
        return path.matched() == node.end() && (!trie.stateful() || path.stateAt(node.end()) != null);
    }

    /** Something is about to be evicted: what is not on disk is queued for it as far as there is room. */
    void leaving(PrefixTrie trie, TrieNode node) {
        waiting.removeIf(write -> write.loses(node) && queue(write));
        Conversation conversation = node.owner;
        boolean known = conversation != null && (unwritten.containsKey(conversation) || node.tier == Tier.SYSTEM);
        if (known && !conversation.forgotten && trie == conversation.trie) {
            DiskWrite write = newWrite(conversation, node, List.of(node), true);
            if (write != null) {
                queue(write);
            }
        }
    }

    /** Queues all units of a write for which there is room; whether that was the whole of it. */
    private boolean queue(DiskWrite write) {
        boolean more = true;
        while (more && hasRoomInQueue()) {
            more = unit(write);
        }
        return !more;
    }

    /**
     * Those first of which most is lost without the disk for each byte that is written: there may not be time for all
     * of them, or the bytes of a day may be used up.
     */
    private List<Conversation> byWorth(Collection<Conversation> conversations) {
        Map<Conversation, Double> worth = new IdentityHashMap<>();
        conversations.forEach(conversation -> worth.put(conversation, worth(conversation)));
        return conversations.stream()
                .sorted(Comparator.comparingDouble(worth::get).reversed())
                .toList();
    }

    /** Expected uses, times the tokens of its own that each would compute, by the bytes that they take. */
    private double worth(Conversation conversation) {
        if (!conversation.isKnown()) {
            return 0;
        }
        TrieNode end = conversation.place(Conversation.Place.END);
        long bytes = end.parked == null ? 0 : end.parked.bytes;
        TrieNode node = end;
        for (; node.parent != null && node.tier != Tier.SYSTEM; node = node.parent) {
            bytes += end.parked == null ? node.sliceBytes() + node.stateBytes() : 0;
        }
        int tokens = end.end() - node.end();
        bytes = end.parked == null ? bytes : bytes * tokens / Math.max(1, end.parked.length());
        return expected.applyAsDouble(conversation) * tokens / Math.max(1, bytes);
    }

    /** Queues what a conversation has not on disk. */
    private void write(Conversation conversation) {
        unwritten.remove(conversation);
        if (!conversation.forgotten && conversation.isKnown()) {
            List<TrieNode> states = new ArrayList<>();
            for (Conversation.Place place :
                    List.of(Conversation.Place.SYSTEM, Conversation.Place.TURN, Conversation.Place.END)) {
                states.add(conversation.place(place));
            }
            boolean manyHaveIt = !ConversationKey.isolates(conversation.id);
            write(conversation, conversation.place(Conversation.Place.END), states, manyHaveIt);
        }
    }

    private void write(Conversation conversation, TrieNode end, List<TrieNode> states, boolean others) {
        DiskWrite write = newWrite(conversation, end, states, others);
        if (write != null) {
            waiting.add(write);
            schedule();
        }
    }

    private DiskWrite newWrite(Conversation conversation, TrieNode end, List<TrieNode> states, boolean others) {
        PrefixTrie trie = conversation.trie;
        if (!store.isOn() || trie == null || trie.diskScope == PrefixTrie.NOT_ON_DISK) {
            return null;
        }
        OptionalLong user = user(conversation.id);
        if (user.isEmpty()) {
            return null;
        }
        name(conversation.id, user.getAsLong());
        return new DiskWrite(this, user.getAsLong(), conversation, end, states, others);
    }

    /** Has the owner copy a unit, behind what waits for it. May be called by any thread. */
    private void schedule() {
        synchronized (waiting) {
            if (scheduled) {
                return;
            }
            scheduled = true;
        }
        try {
            owner.execute(this::nextUnit);
        } catch (RuntimeException closed) {
            // what waits is written by close()
        }
    }

    private void nextUnit() {
        synchronized (waiting) {
            scheduled = false;
        }
        if (!waiting.isEmpty() && hasRoomInQueue()) {
            if (!unit(waiting.peek())) {
                waiting.poll();
            }
            if (!waiting.isEmpty()) {
                schedule();
            }
        }
    }

    /** Copies a unit; whether there are more. */
    private boolean unit(DiskWrite write) {
        try {
            return write.unit();
        } catch (RuntimeException e) {
            log.warn("A part of the prompt cache was not copied for the disk", e);
            return false;
        }
    }

    /** Looks for idle conversations when the first of them may be idle enough. */
    private void time() {
        if (!timed) {
            timed = true;
            timer = Thread.ofVirtual().name("mlx-disk-cache-idle").start(() -> {
                try {
                    Thread.sleep(limits.idleBeforeWrite());
                    owner.execute(this::writeIdle);
                } catch (InterruptedException | RuntimeException closed) {
                    // what is not written yet is by close()
                }
            });
        }
    }

    /** Queues the conversations that were idle for long enough. */
    void writeIdle() {
        timed = false;
        long idle = limits.idleBeforeWrite().toNanos();
        byWorth(unwritten.keySet().stream()
                        .filter(conversation ->
                                conversation.running == 0 && nanos.getAsLong() - unwritten.get(conversation) >= idle)
                        .toList())
                .forEach(this::write);
        if (!unwritten.isEmpty()) {
            time();
        }
    }

    // ---- deleting ------------------------------------------------------------------------------------------------

    /** Deletes what only these conversations need. */
    void forget(Predicate<Object> ids) {
        unwritten.keySet().removeIf(conversation -> conversation.id != null && ids.test(conversation.id));
        waiting.removeIf(write -> write.conversation().id != null && ids.test(write.conversation().id));
        List<Long> users =
                ids(ids).stream().map(id -> store.number(USER, names.name(id))).toList();
        deleted = store.forget(users);
    }

    /** Deletes everything. */
    void clear() {
        unwritten.clear();
        waiting.clear();
        deleted = store.clear();
    }

    /** Completes when what was to be deleted is. */
    CompletableFuture<Void> deleted() {
        return deleted;
    }

    // ---- the end -------------------------------------------------------------------------------------------------

    /** Writes what is not written yet, as far as that is possible within some seconds. The tries are still there. */
    void flush() {
        long begun = System.nanoTime();
        byWorth(unwritten.keySet()).forEach(this::write);
        while (!waiting.isEmpty() && System.nanoTime() - begun < NANOS_TO_CLOSE) {
            if (!hasRoomInQueue()) {
                store.settled().join();
            }
            if (!unit(waiting.peek())) {
                waiting.poll();
            }
        }
        waiting.clear();
    }

    /** Closes the stores. Idempotent. */
    @Override
    public void close() {
        if (timer != null) {
            timer.interrupt();
        }
        store.close();
        prefixes.close();
    }
}
