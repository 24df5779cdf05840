package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import dev.langchain4j.model.mlx.cache.disk.SharedPrefixes;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;

/** Plays the engine: runs requests over fake layers, checks what they hold, and the cache's invariants. */
final class CacheHarness {
    static final String IDENTITY = "0123456789abcdef0123456789abcdef";
    static final CacheKey KEY = CacheKey.of("model", "float32");

    final FakeLayer.Ledger ledger = new FakeLayer.Ledger();
    final Supplier<List<LayerCache>> layers;
    final TrieCache cache;
    /** The same cache as applications see it. */
    final PromptCache access;

    CacheKey key = KEY;
    Isolation isolation = Isolation.SHARED;
    int chunkTokens = 16;
    /** Over how many processes layers are split. */
    int ranks = 1;

    long nanos;

    CacheHarness(CacheLimits limits, int stateBytes, Kind... kinds) {
        this(limits, stateBytes, 0, kinds);
    }

    /** Keeps whole chunks of so many tokens only, if there are any. */
    CacheHarness(CacheLimits limits, int stateBytes, int gridTokens, Kind... kinds) {
        layers = FakeLayer.layers(ledger, stateBytes, kinds);
        cache = new TrieCache(limits, () -> nanos, gridTokens);
        access = cache.access(Runnable::run, new ConversationListener() {});
    }

    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    DiskTier tier;

    /** Keeps the cache in a folder, too. */
    CacheHarness onDisk(Path root, DiskLimits limits) {
        return onDisk(root, limits, FakeLayer.codec());
    }

    CacheHarness onDisk(Path root, DiskLimits limits, SnapshotCodec codec) {
        return onDisk(
                DiskStore.open(root, IDENTITY, limits, DiskStore.Clock.SYSTEM), SharedPrefixes.none(), limits, codec);
    }

    CacheHarness onDisk(DiskStore store, SharedPrefixes prefixes, DiskLimits limits) {
        return onDisk(store, prefixes, limits, FakeLayer.codec());
    }

    private CacheHarness onDisk(DiskStore store, SharedPrefixes prefixes, DiskLimits limits, SnapshotCodec codec) {
        tier = new DiskTier(store, prefixes, limits, DiskModelsTest.NAMES, tasks::add, ranks, () -> nanos, codec);
        cache.keepOnDisk(tier);
        return this;
    }

    /** Runs what the tier has to do until nothing is left. */
    void settle() {
        do {
            for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
                task.run();
            }
            tier.store().settled().join();
        } while (!tasks.isEmpty());
    }

    /** Writes the conversations that were idle for long enough. */
    void idle() {
        tier.writeIdle();
        settle();
    }

    /** Restores what is on disk of a prompt; gives how many tokens are not to be computed then. */
    static int restore(CacheSession session, int[] prompt) {
        while (session.isRestoring() && session.hasRoom(session.nextRestored())) {
            session.restore();
        }
        assertHolds(session, prompt, session.resumePosition());
        return session.resumePosition();
    }

    static CacheHarness of(long bytesMax, Kind... kinds) {
        return new CacheHarness(CacheLimits.ofBytes(bytesMax), 4, kinds);
    }

    static CacheHarness ofEntries(int entriesMax, Kind... kinds) {
        return new CacheHarness(new CacheLimits(Long.MAX_VALUE / 2, entriesMax, Duration.ofHours(1), 1024), 4, kinds);
    }

    CacheSession begin(Object conversation, int[] prompt, Boundary... boundaries) {
        CacheSession session =
                cache.begin(new CacheRequest(key, prompt, Arrays.asList(boundaries), conversation, isolation, layers));
        assertThat(session.resumePosition()).isBetween(0, prompt.length - 1);
        assertHolds(session, prompt, session.resumePosition());
        return session;
    }

    static void assertHolds(CacheSession session, int[] tokens, int offset) {
        for (LayerCache layer : session.layers()) {
            assertThat(layer.offset()).isEqualTo(offset);
            assertThat(((FakeLayer) layer).holds(tokens))
                    .as("content of a layer")
                    .isTrue();
        }
    }

    /** Prefills up to {@code to}, as the engine does. */
    void prefill(CacheSession session, int[] prompt, int to) {
        int position = session.layers().getFirst().offset();
        while (position < to) {
            int chunkEnd = (position / chunkTokens + 1) * chunkTokens;
            int end = Math.min(to, Math.min(chunkEnd, session.nextCheckpoint(position)));
            session.hasRoom(end);
            feed(session, prompt, position, end);
            session.checkpoint();
            position = end;
        }
    }

    static void feed(CacheSession session, int[] tokens, int from, int to) {
        for (LayerCache layer : session.layers()) {
            for (int i = from; i < to; i++) {
                ((FakeLayer) layer).feed(tokens[i]);
            }
        }
    }

    /** Feeds the last prompt token and what is generated. */
    void decode(CacheSession session, int[] prompt, int... generated) {
        feed(session, prompt, prompt.length - 1, prompt.length);
        session.checkpoint();
        for (int token : generated) {
            session.hasRoom(session.layers().getFirst().offset() + 1);
            feed(session, new int[] {token}, 0, 1);
            session.append(token);
        }
        assertHolds(session, concat(prompt, generated), prompt.length + generated.length);
    }

    /** A whole request; gives the number of tokens that were reused. */
    int run(Object conversation, int[] prompt, int[] generated, Outcome outcome, Boundary... boundaries) {
        CacheSession session = begin(conversation, prompt, boundaries);
        int reused = restore(session, prompt);
        prefill(session, prompt, prompt.length - 1);
        decode(session, prompt, generated);
        session.close(outcome);
        return reused;
    }

    int run(Object conversation, int... prompt) {
        return run(conversation, prompt, new int[0], Outcome.FINISHED);
    }

    /** How many tokens of a prompt would be reused; nothing is changed. */
    int probe(int... prompt) {
        PrefixTrie trie = cache.sharedTrie(key);
        if (trie == null) {
            return 0;
        }
        PrefixTrie.Match match = trie.match(prompt);
        int position = Math.min(match.matched(), prompt.length - 1);
        return trie.stateful() ? trie.resumable(match.node(), position).end() : position;
    }

    PromptCacheStats stats() {
        return cache.stats();
    }

    int entries() {
        return cache.usage().entries();
    }

    /** Closes the cache and checks that nothing is left. */
    void close() {
        TrieAsserts.check(cache, ledger);
        cache.close();
        if (tier != null) {
            tier.close();
        }
        assertThat(ledger.open).as("open layers and snapshots").isZero();
        assertThat(cache.stats().bytesHeld()).isZero();
    }

    static int[] concat(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    static int[] range(int from, int to) {
        return java.util.stream.IntStream.range(from, to).toArray();
    }
}
