package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.Vocabulary;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;

/**
 * Runs generations of one model, one after the other in the order in which they were asked for. May be called from any
 * thread. Borrows all that it is made of.
 */
public final class Engine {
    private final MlxThread thread;
    private final LanguageModel model;
    private final Tokenizer tokenizer;
    private final TrieCache cache;
    private final CacheKey cacheKey;
    private final Set<Integer> endTokens;
    private final int contextLength;
    private final int prefillChunkTokens;

    /**
     * Puts an engine together.
     *
     * @param endTokens ids that end an answer
     * @param contextLength most tokens of prompt and answer together
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
        this.thread = thread;
        this.model = model;
        this.tokenizer = tokenizer;
        this.cache = cache;
        this.cacheKey = cacheKey;
        this.endTokens = Set.copyOf(endTokens);
        this.contextLength = contextLength;
        this.prefillChunkTokens = prefillChunkTokens;
    }

    /** A generation that was asked for. */
    public static final class Handle {
        private final CompletableFuture<GenerationResult> result = new CompletableFuture<>();
        private volatile boolean cancelled;

        /**
         * Completes with the result, or with what went wrong. A generation that is cancelled while it waits completes
         * with a {@link CancellationException}; one that runs completes with what there is so far.
         */
        public CompletableFuture<GenerationResult> result() {
            return result;
        }

        /** Stops the generation before its next step. Idempotent. */
        public void cancel() {
            cancelled = true;
        }
    }

    /**
     * Queues a generation. The request's grammar is closed at its end, and when it is refused.
     *
     * @throws InvalidRequestException if the prompt does not fit into the context; nothing is queued then
     */
    public Handle submit(GenerationRequest request, GenerationListener listener) {
        try {
            check(request);
            return queue(request, listener);
        } catch (RuntimeException e) {
            closeGrammar(request);
            throw e;
        }
    }

    private void check(GenerationRequest request) {
        if (request.prompt().length >= contextLength) {
            throw new InvalidRequestException("the prompt (" + request.prompt().length
                    + " tokens) must be shorter than the context of this model (" + contextLength + " tokens)");
        }
        Vocabulary.check(request.prompt(), model.vocabularySize());
        for (int id : request.sampling().logitBias().keySet()) {
            if (id < 0 || id >= model.vocabularySize()) {
                throw new InvalidRequestException(
                        "logitBias (token " + id + ") must be of token ids from 0 to " + (model.vocabularySize() - 1));
            }
        }
    }

    private Handle queue(GenerationRequest request, GenerationListener listener) {
        Handle handle = new Handle();
        long asked = System.nanoTime();
        thread.execute(() -> {
            try {
                handle.result.complete(run(request, listener, handle, asked));
            } catch (Throwable e) {
                handle.result.completeExceptionally(e);
            }
        });
        return handle;
    }

    private GenerationResult run(GenerationRequest request, GenerationListener listener, Handle handle, long asked) {
        try {
            if (handle.cancelled) {
                throw new CancellationException("cancelled before it began");
            }
            return new Generation(this, request, listener, () -> handle.cancelled, asked).run();
        } finally {
            closeGrammar(request);
        }
    }

    private static void closeGrammar(GenerationRequest request) {
        if (request.grammar() != null) {
            request.grammar().close();
        }
    }

    /** Most tokens of prompt and answer together. */
    public int contextLength() {
        return contextLength;
    }

    boolean isEnd(int token) {
        return endTokens.contains(token);
    }

    LanguageModel model() {
        return model;
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

    int prefillChunkTokens() {
        return prefillChunkTokens;
    }
}
