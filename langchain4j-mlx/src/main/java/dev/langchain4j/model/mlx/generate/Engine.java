package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheRequest;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.LayerForms;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.draft.DraftPolicy;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.Vocabulary;
import dev.langchain4j.model.mlx.vision.PromptPictures;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Runs generations of one model: what they share, and the door to the {@link Scheduler}. May be called from any thread.
 * Borrows all that it is made of.
 */
public final class Engine implements AutoCloseable {
    /**
     * Fewer tokens are not computed ahead: they take nearly as long beside the next message's own, as {@link Prefill}
     * says.
     */
    public static final int AHEAD_TOKENS_MIN = Prefill.PIECE_TOKENS_MIN;

    private final MlxThread thread;
    private final LanguageModel model;
    /** Null if there is none. */
    private final DraftModel draftModel;

    private final int draftLayers;
    private final Tokenizer tokenizer;
    private final TrieCache cache;
    private final CacheKey cacheKey;
    private final Set<Integer> endTokens;
    private final int contextLength;
    private final int prefillChunkTokens;
    private volatile PrefillChunks chunks;
    private final boolean cutsChunks;
    private final Scheduler scheduler;
    private final Drafters drafters;

    /** Generations that were asked for and have not ended. */
    private final Set<Handle> open = ConcurrentHashMap.newKeySet();

    /** Why the thread was given up; null if it was not. */
    private volatile RuntimeException lost;

    private volatile Runnable abandoned = () -> {};

    private volatile Runnable guard = () -> {};
    private volatile Room room = CacheSession::hasRoom;
    /** Null if the model does not see. */
    private volatile FeatureCache features;

    /**
     * Puts an engine together that has default limits.
     *
     * @param endTokens ids that end an answer
     * @param contextLength maximum number of tokens of prompt and answer together
     * @param prefillChunkTokens tokens that are prefilled at once, at least 1
     */
    public Engine(
            MlxThread thread,
            LanguageModel model,
            Tokenizer tokenizer,
            TrieCache cache,
            CacheKey cacheKey,
            Set<Integer> endTokens,
            int contextLength,
            int prefillChunkTokens) {
        this(
                thread,
                model,
                tokenizer,
                cache,
                cacheKey,
                endTokens,
                contextLength,
                prefillChunkTokens,
                EngineLimits.DEFAULT);
    }

    /** Puts an engine together. The thread gets the grace period of the limits. */
    public Engine(
            MlxThread thread,
            LanguageModel model,
            Tokenizer tokenizer,
            TrieCache cache,
            CacheKey cacheKey,
            Set<Integer> endTokens,
            int contextLength,
            int prefillChunkTokens,
            EngineLimits limits) {
        this(thread, model, null, tokenizer, cache, cacheKey, endTokens, contextLength, prefillChunkTokens, limits);
    }

    /**
     * The same with a model that drafts.
     *
     * @param draftModel null for none; of no use where the limits are without speculation
     */
    public Engine(
            MlxThread thread,
            LanguageModel model,
            DraftModel draftModel,
            Tokenizer tokenizer,
            TrieCache cache,
            CacheKey cacheKey,
            Set<Integer> endTokens,
            int contextLength,
            int prefillChunkTokens,
            EngineLimits limits) {
        this.thread = thread;
        this.model = model;
        this.draftModel = draftModel;
        this.draftLayers = draftModel == null ? 0 : draftModel.newLayers().size();
        this.tokenizer = tokenizer;
        this.cache = cache;
        this.cacheKey = cacheKey;
        this.endTokens = Set.copyOf(endTokens);
        this.contextLength = contextLength;
        this.prefillChunkTokens = prefillChunkTokens;
        this.chunks = PrefillChunks.of(prefillChunkTokens);
        this.cutsChunks = !limits.exactBatching() && !cache.keepsWholeChunks();
        // Bits depend on how many positions a pass has.
        this.drafters = new Drafters(tokenizer, limits.speculation() && cutsChunks ? new DraftPolicy() : null);
        this.scheduler = new Scheduler(owner(thread), rows(limits), limits, System::nanoTime);
        thread.gracePeriod(limits.gracePeriod());
    }

    private static Scheduler.Owner owner(MlxThread thread) {
        return new Scheduler.Owner() {
            @Override
            public void executeNext(Runnable task) {
                thread.executeNext(task);
            }

            @Override
            public boolean hasWaiting() {
                return thread.hasWaiting();
            }

            @Override
            public boolean isCurrent() {
                return thread.isCurrent();
            }

            @Override
            public boolean isShuttingDown() {
                return MlxThread.isShuttingDown();
            }

            @Override
            public boolean isHalted() {
                return thread.isHalted();
            }
        };
    }

    private Scheduler.Rows rows(EngineLimits limits) {
        PrefillPass prefills = new PrefillPass(model);
        DecodePass decodes = new DecodePass(model, limits.exactBatching());
        return new Scheduler.Rows() {
            @Override
            public int prefillTokens() {
                return limits.exactBatching() ? 0 : prefillChunkTokens;
            }

            @Override
            public void prefill(List<ScheduledRequest> requests, Scheduler.Ended failed) {
                prefills.run(requests, failed);
            }

            @Override
            public void decode(List<ScheduledRequest> requests, Scheduler.Ended ended) {
                decodes.run(requests, ended);
            }
        };
    }

    /** Gives the model eyes. To be called once, before anything else; the cache stays the caller's. */
    public void see(FeatureCache cache) {
        features = cache;
    }

    /**
     * Says where chunks of prompts end, and what each request's caller runs before it is queued; it may refuse the
     * request.
     */
    public void bound(PrefillChunks ends, Runnable everyRequest) {
        chunks = ends;
        guard = everyRequest;
    }

    FeatureCache features() {
        return features;
    }

    /** A generation that was asked for. */
    public static final class Handle {
        private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();
        private volatile ScheduledRequest request;

        /**
         * Completes with the result, or with what went wrong, on the model's thread, or on that which gave it up. A
         * generation that is cancelled while it waits completes with a {@link CancellationException}; one that runs
         * completes with what there is so far.
         */
        public CompletableFuture<GenerationResult> result() {
            return result;
        }

        /** Stops the generation before its next step. Idempotent. */
        public void cancel() {
            request.cancel();
        }

        void complete(Supplier<GenerationResult> made) {
            try {
                result.complete(made.get());
            } catch (Throwable e) {
                fail(e);
            }
        }

        void fail(Throwable cause) {
            result.completeExceptionally(cause);
        }
    }

    /**
     * Queues a generation. The request's grammar is closed at its end, and when it is refused.
     *
     * @throws InvalidRequestException if the prompt does not fit into the context; nothing is queued then
     * @throws RateLimitException if too many wait already, or the process takes too much memory
     * @throws dev.langchain4j.exception.NonRetriableException if the engine is closed or the JVM shuts down
     */
    public Handle submit(GenerationRequest request, GenerationListener listener) {
        Handle handle = new Handle();
        try {
            check(request);
            open.add(handle);
            handle.result.whenComplete((done, failure) -> open.remove(handle));
            if (lost != null) {
                throw lost;
            }
            guard();
            Generation generation = new Generation(this, request, listener, handle);
            handle.request = generation;
            scheduler.submit(generation);
            return handle;
        } catch (Throwable e) {
            open.remove(handle);
            if (request.grammar() != null) {
                request.grammar().close();
            }
            throw e;
        }
    }

    /**
     * Computes what the next prompt of a conversation begins with, while no request runs or waits: the first one that
     * comes ends it after the step in hand, and what was computed is kept. Nothing is evicted for it.
     *
     * @param tokens what that prompt begins with, and one token more; not to be changed afterwards
     * @param boundaries positions of it where others are likely to branch off
     * @param pictures of the tokens; null for none
     * @param conversation the memory ID, or null
     * @return completes on the model's thread, with whether it need not be tried again; completed with false if a
     *     request runs or waits
     */
    public CompletableFuture<Boolean> computeAhead(
            int[] tokens,
            List<Boundary> boundaries,
            PromptPictures pictures,
            Object conversation,
            Isolation isolation) {
        int end = cache.keepsWholeChunks()
                ? (tokens.length - 1) / prefillChunkTokens * prefillChunkTokens
                : Math.min(tokens.length, contextLength) - 1;
        int[] beginning = Arrays.copyOf(tokens, end + 1);
        PrefillAhead job = new PrefillAhead(
                this,
                new CacheRequest(cacheKey, beginning, boundaries, conversation, isolation, this::newLayers),
                pictures);
        return scheduler.submitIdle(job) ? job.done() : CompletableFuture.completedFuture(false);
    }

    /**
     * Ends all requests with a failure, and refuses new ones with it: the model's thread was given up. From any thread.
     * What else belongs to the requests stays with that thread.
     */
    public void abandon(RuntimeException cause) {
        lost = cause;
        open.forEach(handle -> handle.fail(cause));
        scheduler.abandon();
        abandoned.run();
    }

    /** Says what else is to be done when the model's thread is given up, on any thread. */
    public void whenAbandoned(Runnable task) {
        abandoned = task;
    }

    private void guard() {
        try {
            guard.run();
        } catch (RateLimitException e) {
            scheduler.counts().refused();
            throw e;
        }
    }

    private void check(GenerationRequest request) {
        if (request.prompt().length >= contextLength) {
            throw new InvalidRequestException("the prompt (" + request.prompt().length
                    + " tokens) must be shorter than the context of this model (" + contextLength
                    + " tokens): give the conversation a TokenWindowChatMemory with the model's"
                    + " tokenCountEstimator(), or the chat model contextOverflow(DROP_OLDEST_TURNS)");
        }
        Vocabulary.check(request.fed(), model.vocabularySize());
        int last = request.prompt()[request.prompt().length - 1];
        if (request.pictures() != null && (features == null || last < 0)) {
            throw new InvalidRequestException(
                    features == null ? "this model does not support images" : "a prompt must not end with an image");
        }
        for (int id : request.sampling().logitBias().keySet()) {
            if (id < 0 || id >= model.vocabularySize()) {
                throw new InvalidRequestException(
                        "logitBias (token " + id + ") must be a token id from 0 to " + (model.vocabularySize() - 1));
            }
        }
    }

    /** Maximum number of tokens of prompt and answer together. */
    public int contextLength() {
        return contextLength;
    }

    /** Numbers of requests. */
    public EngineStats stats() {
        return scheduler.stats();
    }

    /** Nanoseconds that the first tokens of a prompt take to compute; 0 if that is not known. On the model's thread. */
    double prefillNanos(int tokens) {
        return scheduler.prefillNanos(tokens);
    }

    /** Whether no request runs or waits. */
    public boolean isIdle() {
        return scheduler.isIdle();
    }

    /** Whether no more requests are taken. */
    public boolean isClosed() {
        return scheduler.isClosed();
    }

    /** Why the model's thread was given up; null if it was not. */
    public RuntimeException lost() {
        return lost;
    }

    /** Whether the caller runs on the model's thread, where waiting for a generation would never end. */
    public boolean isOnModelThread() {
        return thread.isCurrent();
    }

    /**
     * Takes no more requests and waits until all have ended: those that have not after the grace period fail. Waits
     * although the calling thread is interrupted, but not on the model's thread. Idempotent.
     */
    @Override
    public void close() {
        scheduler.close();
    }

    boolean isEnd(int token) {
        return endTokens.contains(token);
    }

    LanguageModel model() {
        return model;
    }

    /** Empty layers for a new sequence: those of the model, and behind them those of its draft model. */
    List<LayerCache> newLayers() {
        if (draftModel == null) {
            return model.newLayers();
        }
        List<LayerCache> layers = new ArrayList<>(model.newLayers());
        layers.addAll(draftModel.newLayers());
        return layers;
    }

    /** What the layers of a sequence keep, found by feeding two tokens, one after the other. On the model's thread. */
    public LayerForms layerForms() {
        return PrefillPass.layerForms(this);
    }

    /** What drafts with a model for a sequence of these layers; null if none does. */
    ModelDrafter newModelDrafter(List<LayerCache> layers, ModelDrafter.Draw draw) {
        return draftModel == null
                ? null
                : new ModelDrafter(draftModel, draw, model.vocabularySize(), layers, draftLayers);
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    TrieCache cache() {
        return cache;
    }

    CacheKey cacheKey() {
        return cacheKey;
    }

    Room room() {
        return room;
    }

    void room(Room limit) {
        room = limit;
    }

    int chunkTokens() {
        return prefillChunkTokens;
    }

    /** Where a chunk of a prompt ends that begins at a position. */
    int chunkEnd(int position) {
        return chunks.end(position);
    }

    /** Whether answers are drafted. */
    public boolean drafts() {
        return drafters.policy() != null;
    }

    Drafters drafters() {
        return drafters;
    }

    /**
     * Whether a chunk may be computed in pieces: not where the bits must be those of a prompt that is computed alone.
     */
    boolean cutsChunks() {
        return cutsChunks;
    }
}
