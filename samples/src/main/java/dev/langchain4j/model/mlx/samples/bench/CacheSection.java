package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.CacheRequest;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.kv.AttentionCache;
import dev.langchain4j.model.mlx.kv.KvCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;

/**
 * Operations of the prompt cache beside those of mlx-lm's LRUPromptCache, by length of the prompts and number of
 * entries, which share their first half. The layers hold nothing, as the other side's all share one position.
 */
final class CacheSection implements Bench.Section {
    private static final int VOCABULARY = 150_000;
    private static final int NEW = 64;
    private static final CacheKey KEY = CacheKey.of("bench", "none");
    /** Above this LRUPromptCache takes gigabytes, or minutes for one lookup. */
    private static final long THEIR_NODES_MAX = 1_000_000;

    private static final int HIT_LAYERS = 8;
    private static final int HIT_HEADS = 8;
    private static final int HIT_DIM = 64;

    private int[] last;
    private int seed;

    @Override
    public void run(Bench bench) {
        bench.report()
                .table(
                        "cache",
                        "Cache operations, microseconds",
                        "tokens",
                        "entries",
                        "operation",
                        "this",
                        "LRUPromptCache",
                        "times faster");
        for (int tokens : bench.sizes("tokens", "1000,10000,100000", "1000")) {
            for (int entries : bench.sizes("entries", "10,100,1000", "10")) {
                operations(bench, tokens, entries);
            }
        }
        bench.report().end();
        hits(bench);
    }

    private void operations(Bench bench, int tokens, int entries) {
        try (MlxThread thread = MlxThread.start("bench-cache")) {
            TrieCache cache = new TrieCache(limits(Integer.MAX_VALUE), System::nanoTime);
            int[] shared = Tokens.of(tokens / 2, VOCABULARY, 5);
            for (int entry = 0; entry < entries; entry++) {
                last = Tokens.concat(shared, Tokens.of(tokens - tokens / 2, VOCABULARY, 100 + entry));
                insert(cache, last, entry);
            }
            seed = 10_000;
            boolean both = bench.reference() != null && (long) tokens / 2 * (entries + 1) <= THEIR_NODES_MAX;
            if (both) {
                bench.reference().ask("lru_build", "tokens", tokens, "entries", entries);
            }
            int owner = entries - 1;
            int[] diverging = Arrays.copyOf(shared, tokens);
            Arrays.fill(diverging, shared.length, tokens, 200_001);
            DoubleSupplier extend = () -> {
                int[] prompt = Tokens.concat(last, Tokens.of(NEW, VOCABULARY, ++seed));
                return lookup(cache, prompt, owner);
            };
            row(bench, tokens, entries, "lookup, extending", extend, both ? "extend" : null);
            row(
                    bench,
                    tokens,
                    entries,
                    "lookup, diverging",
                    () -> lookup(cache, diverging, "other"),
                    both ? "diverge" : null);
            DoubleSupplier extended = () -> {
                last = Tokens.concat(last, Tokens.of(NEW, VOCABULARY, ++seed));
                return insert(cache, last, owner);
            };
            row(bench, tokens, entries, "insert", extended, both ? "insert" : null);
            cache.close();
            evict(bench, tokens, entries, shared, both);
        }
    }

    /** A cache that is full: what comes in pushes something out. */
    private void evict(Bench bench, int tokens, int entries, int[] shared, boolean both) {
        try (MlxThread thread = MlxThread.start("bench-cache")) {
            TrieCache cache = new TrieCache(limits(entries + 1), System::nanoTime);
            for (int entry = 0; entry < entries; entry++) {
                insertAnother(cache, shared, tokens);
            }
            DoubleSupplier full = () -> insertAnother(cache, shared, tokens);
            row(bench, tokens, entries, "insert, evicting", full, both ? "evict" : null);
            cache.close();
        }
    }

    private double insertAnother(TrieCache cache, int[] shared, int tokens) {
        int[] prompt = Tokens.concat(shared, Tokens.of(tokens - shared.length, VOCABULARY, ++seed));
        return insert(cache, prompt, seed);
    }

    private static CacheLimits limits(int entries) {
        return new CacheLimits(Long.MAX_VALUE / 4, entries, Duration.ofHours(1), 1024);
    }

    private static void row(
            Bench bench, int tokens, int entries, String operation, DoubleSupplier ours, String theirs) {
        int rounds = bench.smoke() ? 2 : 40;
        double[] mine = new double[rounds];
        for (int i = -rounds; i < rounds; i++) {
            double seconds = ours.getAsDouble();
            mine[Math.max(0, i)] = seconds;
        }
        Spread other = null;
        if (theirs != null) {
            int times = "diverge".equals(theirs) && (long) tokens * entries > 200_000 ? 1 : 5;
            double[] them = new double[times];
            for (int i = 0; i < times; i++) {
                them[i] = bench.reference().seconds("lru", "what", theirs);
            }
            other = Spread.of(them).times(1e6);
        }
        Spread us = Spread.of(mine).times(1e6);
        bench.report().row(tokens, entries, operation, us, other, other == null ? null : other.median() / us.median());
    }

    private static CacheRequest request(int[] tokens, Object conversation, Supplier<List<LayerCache>> layers) {
        return new CacheRequest(KEY, tokens, List.of(), conversation, Isolation.SHARED, layers);
    }

    /** Seconds to find what is there; nothing is added. */
    private static double lookup(TrieCache cache, int[] tokens, Object conversation) {
        long begun = System.nanoTime();
        CacheSession session = cache.begin(request(tokens, conversation, PlaceLayer::layers));
        double seconds = (System.nanoTime() - begun) / 1e9;
        session.close(CacheSession.Outcome.CANCELLED);
        return seconds;
    }

    /** Seconds to give a computed prompt to the cache, what it finds on the way left out. */
    private static double insert(TrieCache cache, int[] tokens, Object conversation) {
        CacheSession session = cache.begin(request(tokens, conversation, PlaceLayer::layers));
        for (LayerCache layer : session.layers()) {
            ((PlaceLayer) layer).feed(tokens.length - layer.offset());
        }
        long begun = System.nanoTime();
        session.checkpoint();
        session.close(CacheSession.Outcome.TOOL_CALL);
        return (System.nanoTime() - begun) / 1e9;
    }

    /** With real keys and values: the first tokens that are written behind a prompt that was found. */
    private static void hits(Bench bench) {
        bench.report()
                .table(
                        "hit",
                        "A continuing conversation with keys and values of 8 layers, 8 heads, 64 dimensions, float32",
                        "tokens",
                        "begin and close, us",
                        "LRUPromptCache's fetch, us",
                        "first append of 64, ms",
                        "LRUPromptCache's, ms",
                        "MB copied",
                        "LRUPromptCache's");
        for (int tokens : bench.sizes("tokens", "1000,10000,100000", "1000")) {
            hit(bench, tokens);
        }
        bench.report().end();
    }

    private static void hit(Bench bench, int tokens) {
        int rounds = bench.smoke() ? 1 : 5;
        List<double[]> ours = new ArrayList<>();
        long copied;
        try (MlxThread thread = MlxThread.start("bench-cache")) {
            TrieCache cache = new TrieCache(limits(Integer.MAX_VALUE), System::nanoTime);
            Supplier<List<LayerCache>> layers = () -> {
                List<LayerCache> made = new ArrayList<>();
                for (int i = 0; i < HIT_LAYERS; i++) {
                    made.add(new KvCache());
                }
                return made;
            };
            int[] all = Tokens.of(tokens + NEW * (rounds + 3), VOCABULARY, 5);
            thread.run(() -> append(cache, Arrays.copyOf(all, tokens + 1), layers, tokens));
            long before = cache.stats().bytesCopied();
            for (int i = -2; i < rounds; i++) {
                int[] prompt = Arrays.copyOf(all, tokens + 1 + NEW * (i + 3));
                double[] seconds = thread.call(() -> append(cache, prompt, layers, NEW));
                if (i >= 0) {
                    ours.add(seconds);
                }
            }
            copied = cache.stats().bytesCopied() - before;
            thread.run(cache::close);
        }
        JsonNode theirs = bench.reference() == null ? null : bench.reference().ask("lru_hit", "tokens", tokens);
        bench.report()
                .row(
                        tokens,
                        Spread.of(ours.stream().mapToDouble(s -> s[0]).toArray())
                                .times(1e6),
                        theirs == null ? null : theirs.path("fetch").asDouble() * 1e6,
                        Spread.of(ours.stream().mapToDouble(s -> s[1]).toArray())
                                .times(1e3),
                        theirs == null ? null : theirs.path("append").asDouble() * 1e3,
                        copied / 1e6,
                        theirs == null ? null : theirs.path("copied").asDouble() / 1e6);
    }

    /** Seconds of the cache's own work, and of writing new positions. */
    private static double[] append(TrieCache cache, int[] prompt, Supplier<List<LayerCache>> layers, int count) {
        long begun = System.nanoTime();
        CacheSession session = cache.begin(request(prompt, "one", layers));
        long found = System.nanoTime();
        try (Scope scope = Scope.open()) {
            MlxArray ones = Indexing.ones(DType.FLOAT32, 1, HIT_HEADS, count, HIT_DIM);
            for (LayerCache layer : session.layers()) {
                ((AttentionCache) layer).update(ones, ones, count);
            }
        }
        Eval.eval(Subject.buffers(session.layers()));
        long written = System.nanoTime();
        session.checkpoint();
        session.close(CacheSession.Outcome.TOOL_CALL);
        return new double[] {(found - begun + System.nanoTime() - written) / 1e9, (written - found) / 1e9};
    }
}
