package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.CacheRequest;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.DiskTier;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.MemoryIdNames;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import dev.langchain4j.model.mlx.cache.disk.SharedPrefixes;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.EngineLimits;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.kv.AttentionCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelFolder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;

/** Our side: a model folder loaded as MlxModel loads it, with its layers and its engine in reach. */
final class Subject implements AutoCloseable {
    private static final int CONTEXT = 1 << 16;
    /** Of the store on disk: there is one model at a time. */
    private static final String IDENTITY = "0".repeat(32);

    private final MlxThread thread;
    private final ModelLoader.Loaded loaded;
    private final Tokenizer tokenizer;
    private TrieCache cache;
    private final CacheKey key;
    private Engine engine;
    private final Engine uncached;
    private final TrieCache none;
    private final int chunkTokens;
    private final DType type;
    private final int kvHeads;
    private final int headDim;

    Subject(Path folder) {
        this(folder, false);
    }

    /**
     * @param expanded whether quantized weights become plain ones, as models do by default on the CPU where they fit
     */
    Subject(Path folder, boolean expanded) {
        thread = MlxThread.start("bench");
        boolean cpu = thread.device() == Device.CPU;
        chunkTokens = cpu ? 512 : 2048;
        DType wanted = cpu ? DType.FLOAT32 : null;
        loaded = thread.call(() -> ModelLoader.load(folder, ModelFolder.config(folder), wanted, expanded, null, false));
        type = thread.call(this::computedType);
        tokenizer = Tokenizer.fromFile(folder.resolve("tokenizer.json"));
        key = CacheKey.of(folder.toString(), "bench");
        none = new TrieCache(new CacheLimits(0, 0, Duration.ZERO, 1024), System::nanoTime);
        forget();
        uncached = engine(none);
        int heads = loaded.config().count("num_attention_heads");
        kvHeads = loaded.config().count("num_key_value_heads", heads);
        headDim = loaded.config().count("head_dim", loaded.config().count("hidden_size") / heads);
    }

    /** Starts over with an empty prompt cache. */
    void forget() {
        if (cache != null) {
            thread.run(cache::close);
        }
        cache = new TrieCache(CacheLimits.ofBytes(4L << 30), System::nanoTime);
        engine = engine(cache);
    }

    private Engine engine(TrieCache of) {
        return new Engine(thread, loaded.model(), tokenizer, of, key, Set.of(), CONTEXT, chunkTokens);
    }

    private DType computedType() {
        List<LayerCache> layers = loaded.model().newLayers();
        try (Scope scope = Scope.open()) {
            return loaded.model()
                    .forward(MlxArray.of(new int[] {1}, 1, 1), layers)
                    .dtype();
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    MlxThread thread() {
        return thread;
    }

    LanguageModel model() {
        return loaded.model();
    }

    /** An engine with a prompt cache. */
    Engine engine() {
        return engine;
    }

    /** An engine that computes every prompt from its first token on. */
    Engine uncached() {
        return uncached;
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    int vocabulary() {
        return loaded.model().vocabularySize();
    }

    int chunkTokens() {
        return chunkTokens;
    }

    int[] tokens(int count) {
        return Tokens.of(count, vocabulary(), Tokens.SEED);
    }

    /** An engine that runs several requests at once, over a prompt cache that the caller closes on the owner thread. */
    Engine engine(TrieCache of, int concurrent) {
        EngineLimits limits = new EngineLimits(concurrent, concurrent, null, Duration.ofSeconds(10), false);
        return new Engine(thread, loaded.model(), tokenizer, of, key, Set.of(), CONTEXT, chunkTokens, limits);
    }

    /** An engine for another model of these weights, that drafts or does not; the caller closes both. */
    Engine engine(LanguageModel model, TrieCache of, boolean drafting) {
        EngineLimits d = EngineLimits.DEFAULT;
        EngineLimits limits = new EngineLimits(
                d.maxConcurrent(),
                d.maxQueued(),
                d.queueTimeout(),
                d.gracePeriod(),
                d.exactBatching(),
                drafting,
                d.stallTarget(),
                d.decodeShare());
        return new Engine(thread, model, tokenizer, of, key, Set.of(), CONTEXT, chunkTokens, limits);
    }

    private static GenerationRequest request(int[] prompt, int tokens, Object conversation) {
        return new GenerationRequest(
                prompt, List.of(), conversation, Isolation.SHARED, Sampling.GREEDY, tokens, List.of());
    }

    GenerationResult generate(Engine with, int[] prompt, int tokens, Object conversation) {
        return generate(with, request(prompt, tokens, conversation));
    }

    GenerationResult generate(Engine with, GenerationRequest request) {
        try {
            return with.submit(request, piece -> {}).result().get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Seconds for the answers of several conversations that are asked at once.
     *
     * @param contexts how many tokens of each the prompt cache holds; random keys and values
     * @param promptTokens tokens that each adds
     */
    double together(int[] contexts, int promptTokens, int tokens) {
        TrieCache held = new TrieCache(CacheLimits.ofBytes(4L << 30), System::nanoTime);
        try (Engine several = engine(held, contexts.length)) {
            List<GenerationRequest> requests = new ArrayList<>();
            for (int i = 0; i < contexts.length; i++) {
                int[] context = Tokens.of(contexts[i], vocabulary(), 1000 + i);
                if (context.length > 0) {
                    pretend(held, context, i);
                }
                int[] prompt = Tokens.concat(context, Tokens.of(promptTokens, vocabulary(), 100 + i));
                requests.add(request(prompt, tokens, i));
            }
            long begun = System.nanoTime();
            List<Engine.Handle> handles = new ArrayList<>();
            for (GenerationRequest request : requests) {
                handles.add(several.submit(request, piece -> {}));
            }
            for (Engine.Handle handle : handles) {
                handle.result().get();
            }
            return (System.nanoTime() - begun) / 1e9;
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        } finally {
            thread.run(held::close);
        }
    }

    /** An engine that runs so many requests at once, over an empty prompt cache; both are closed after the work. */
    <T> T several(int concurrent, Function<Engine, T> work) {
        EngineLimits limits = new EngineLimits(concurrent, 1024, null, Duration.ofSeconds(10), false);
        TrieCache held = new TrieCache(CacheLimits.ofBytes(4L << 30), System::nanoTime);
        try (Engine several =
                new Engine(thread, loaded.model(), tokenizer, held, key, Set.of(), CONTEXT, chunkTokens, limits)) {
            return work.apply(several);
        } finally {
            thread.run(held::close);
        }
    }

    /** Seconds to the first token of a prompt. */
    double firstToken(Engine with, int[] prompt, Object conversation) {
        return generate(with, prompt, 1, conversation).timings().timeToFirstToken() / 1e9;
    }

    /** A prompt cache that is empty but for what a folder on disk has, with an engine over it. */
    OnDisk onDisk(Path folder) {
        return new OnDisk(folder);
    }

    /** Closing it writes what is not on disk yet. */
    final class OnDisk implements AutoCloseable {
        private final DiskTier tier;
        private final TrieCache held = new TrieCache(CacheLimits.ofBytes(8L << 30), System::nanoTime);
        private final Engine engine;

        private OnDisk(Path folder) {
            DiskLimits limits = DiskLimits.ofBytes(8L << 30);
            DiskStore store = thread.call(() -> DiskStore.open(folder, IDENTITY, limits, DiskStore.Clock.SYSTEM));
            tier = new DiskTier(store, SharedPrefixes.none(), limits, new Names(), thread, 1, System::nanoTime);
            held.keepOnDisk(tier);
            engine = Subject.this.engine(held);
        }

        void pretend(int[] tokens, Object conversation) {
            Subject.this.pretend(held, tokens, conversation);
        }

        Engine engine() {
            return engine;
        }

        DiskStats stats() {
            return tier.stats();
        }

        @Override
        public void close() {
            thread.run(() -> {
                held.close();
                tier.close();
            });
        }
    }

    /** Memory IDs of this benchmark are texts. */
    private static final class Names implements MemoryIdNames {
        @Override
        public byte[] name(Object id) {
            return id.toString().getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public Object id(byte[] name) {
            return new String(name, StandardCharsets.UTF_8);
        }
    }

    /** Puts random keys and values for these tokens into the prompt cache, as if they had been computed. */
    void pretend(int[] tokens, Object conversation) {
        pretend(cache, tokens, conversation);
    }

    /** The same for any prompt cache. */
    void pretend(TrieCache into, int[] tokens, Object conversation) {
        thread.run(() -> {
            int[] prompt = Tokens.concat(tokens, new int[] {1});
            CacheRequest request =
                    new CacheRequest(key, prompt, List.of(), conversation, Isolation.SHARED, loaded.model()::newLayers);
            try (CacheSession session = into.begin(request)) {
                // with room for what comes next, as buffers have that were grown while an answer was decoded
                session.layers().forEach(layer -> layer.reserve(tokens.length + tokens.length / 4));
                fill(session.layers(), tokens.length - session.resumePosition());
                session.checkpoint();
                session.close(CacheSession.Outcome.FINISHED);
            }
        });
    }

    /** Fills empty layers of full attention with random keys and values. On the owner thread. */
    void fill(List<LayerCache> layers, int positions) {
        try (Scope scope = Scope.open()) {
            int i = 0;
            for (LayerCache layer : layers) {
                MlxArray keys = noise(positions, i++);
                MlxArray values = noise(positions, i++);
                ((AttentionCache) layer).update(keys, values, positions);
            }
        }
        Eval.eval(buffers(layers));
    }

    private MlxArray noise(int positions, int seed) {
        MlxArray normal = Random.normal(Random.key(seed), 1, kvHeads, positions, headDim);
        return Ops.astype(Ops.multiply(normal, 0.5), type);
    }

    static MlxArray[] buffers(List<LayerCache> layers) {
        return layers.stream().flatMap(layer -> Arrays.stream(layer.buffers())).toArray(MlxArray[]::new);
    }

    /** Builds the graph of one greedy step; the caller owns its token. On the owner thread. */
    MlxArray step(MlxArray ids, List<LayerCache> layers) {
        return step(model(), ids, layers);
    }

    /** The same for any model. */
    static MlxArray step(LanguageModel model, MlxArray ids, List<LayerCache> layers) {
        try (Scope scope = Scope.open()) {
            MlxArray hidden = model.forward(ids, layers);
            int length = hidden.dim(1);
            MlxArray last = length == 1 ? hidden : Indexing.slice(hidden, 1, length - 1, length);
            MlxArray logits = Indexing.reshape(model.logits(last), 1, -1);
            return Indexing.reshape(Ops.argmax(logits, -1, false), 1, 1).detach();
        }
    }

    /**
     * What new tokens cost behind a context that is there already: seconds from their being fed to the next token, with
     * nothing around it. No prompt can be faster.
     */
    double alone(int context, int[] tokens) {
        return thread.call(() -> {
            List<LayerCache> layers = model().newLayers();
            try {
                layers.forEach(layer -> layer.reserve(context + tokens.length + 256));
                if (context > 0) {
                    fill(layers, context);
                }
                long begun = System.nanoTime();
                feed(layers, Arrays.copyOf(tokens, tokens.length - 1));
                try (Scope scope = Scope.open();
                        MlxArray token = step(MlxArray.of(new int[] {tokens[tokens.length - 1]}, 1, 1), layers)) {
                    token.eval();
                }
                return (System.nanoTime() - begun) / 1e9;
            } finally {
                layers.forEach(LayerCache::close);
            }
        });
    }

    private void feed(List<LayerCache> layers, int[] tokens) {
        for (int at = 0; at < tokens.length; at += chunkTokens) {
            int[] chunk = Arrays.copyOfRange(tokens, at, Math.min(tokens.length, at + chunkTokens));
            try (Scope scope = Scope.open()) {
                model().forward(MlxArray.of(chunk, 1, chunk.length), layers);
            }
            Eval.eval(buffers(layers));
        }
    }

    @Override
    public void close() {
        thread.run(() -> {
            cache.close();
            none.close();
            loaded.weights().close();
        });
        thread.close();
        tokenizer.close();
    }
}
