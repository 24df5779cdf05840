package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.mlx.text.DecodeStream;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/**
 * Draws tokens one after the other. Pipelined: while a token is read, turned into text and given to the listener, the
 * step after it is being computed; so a token that turns out to be the last was fed already, and is recorded as fed.
 *
 * <p>Under a grammar a token must be read before it is known what may follow. Then the forward pass that a token starts
 * is what runs while the token is turned into text and the mask of its successor is computed.
 */
final class DecodeLoop {
    /** Freed buffers of many sizes pile up while the context grows; mlx-lm drops them at the same rate. */
    private static final int CLEAR_CACHE_EVERY = 256;

    private final Engine engine;
    private final CacheSession session;
    private final Sampler sampler;
    private final DecodeStream stream;
    private final StopMatcher stops;
    private final GenerationRequest request;
    private final GenerationListener listener;
    private final BooleanSupplier cancelled;
    private final int limit;
    private int[] generated = new int[64];
    private int count;
    private long firstToken;

    DecodeLoop(
            Engine engine,
            CacheSession session,
            Sampler sampler,
            DecodeStream stream,
            GenerationRequest request,
            GenerationListener listener,
            BooleanSupplier cancelled) {
        this.engine = engine;
        this.session = session;
        this.sampler = sampler;
        this.stream = stream;
        this.stops = new StopMatcher(request.stopSequences());
        this.request = request;
        this.listener = listener;
        this.cancelled = cancelled;
        int room = engine.contextLength() - request.prompt().length;
        this.limit = request.maxTokens() == null ? room : Math.min(room, request.maxTokens());
    }

    End run() {
        DecodeEvent event = new DecodeEvent();
        event.begin();
        long begun = System.nanoTime();
        End end = null;
        try {
            end = decode();
            return end;
        } finally {
            if (event.shouldCommit()) {
                event.conversation = request.conversationName();
                event.promptTokens = request.prompt().length;
                event.generatedTokens = count;
                event.firstToken = Math.max(0, firstToken - begun);
                event.endReason = end == null ? null : end.name();
                event.commit();
            }
        }
    }

    private End decode() {
        return request.grammar() == null ? pipelined() : constrained(new TokenMask(request.grammar()));
    }

    private End pipelined() {
        MlxArray current = step(null);
        MlxArray next = null;
        try {
            session.checkpoint();
            while (true) {
                boolean more = count + 1 < limit;
                if (more) {
                    next = step(current);
                }
                int token = current.item();
                record(token, more);
                End end = emit(token, more);
                if (end != null) {
                    return end;
                }
                current.close();
                current = next;
                next = null;
            }
        } finally {
            current.close();
            if (next != null) {
                finish(next);
            }
        }
    }

    private End constrained(TokenMask mask) {
        MlxArray logits = forward(request.prompt()[request.prompt().length - 1]);
        try {
            session.checkpoint();
            mask.compute();
            while (true) {
                int token = draw(logits, mask);
                logits.close();
                logits = null;
                boolean more = count + 1 < limit && !engine.isEnd(token);
                if (more) {
                    logits = forward(token);
                }
                record(token, more);
                boolean whole = mask.accept(token) && !engine.isEnd(token);
                if (more) {
                    mask.compute();
                }
                End end = emit(token, more);
                if (end != null) {
                    return end == End.LENGTH && whole ? End.STOP : end;
                }
            }
        } finally {
            if (logits != null) {
                finish(logits);
            }
        }
    }

    private int draw(MlxArray logits, TokenMask mask) {
        MlxArray sampled;
        try (Scope scope = Scope.open()) {
            sampled = sampler.sample(mask.apply(logits)).detach();
        }
        try (sampled) {
            return sampled.item();
        }
    }

    /** Waits for the step that nobody reads, so that the layers are at rest when they go back to the cache. */
    private static void finish(MlxArray unread) {
        try (unread) {
            Eval.eval(unread);
        }
    }

    /** Text and end of one token; null to go on. */
    private End emit(int token, boolean more) {
        if (engine.isEnd(token)) {
            flush();
            return End.STOP;
        }
        pass(stops.accept(stream.step(token)));
        if (stops.matched() != null) {
            return End.STOP;
        }
        if (!more) {
            flush();
            return End.LENGTH;
        }
        if (cancelled.getAsBoolean()) {
            return End.CANCELLED;
        }
        return null;
    }

    private void flush() {
        pass(stops.accept(stream.finish()));
        pass(stops.finish());
    }

    private void pass(String text) {
        if (!text.isEmpty()) {
            listener.onText(text);
        }
    }

    /**
     * Queues a step and returns its token, which the caller owns. Temporaries are gone before it is computed.
     *
     * @param previous the token that was drawn last, or null for the last one of the prompt
     */
    private MlxArray step(MlxArray previous) {
        MlxArray sampled;
        try (Scope scope = Scope.open()) {
            int[] prompt = request.prompt();
            MlxArray token = previous == null
                    ? MlxArray.of(new int[] {prompt[prompt.length - 1]}, 1, 1)
                    : Indexing.reshape(previous, 1, 1);
            sampled = sampler.sample(logits(token)).detach();
        }
        return queued(sampled);
    }

    /** Queues the forward pass of a token that was read and returns its logits, which the caller owns. */
    private MlxArray forward(int token) {
        MlxArray logits;
        try (Scope scope = Scope.open()) {
            logits = logits(MlxArray.of(new int[] {token}, 1, 1)).detach();
        }
        return queued(logits);
    }

    private MlxArray logits(MlxArray token) {
        MlxArray hidden = engine.model().forward(token, session.layers());
        return Indexing.reshape(engine.model().logits(hidden), 1, -1);
    }

    private static MlxArray queued(MlxArray result) {
        try {
            Eval.async(result);
        } catch (RuntimeException e) {
            result.close();
            throw e;
        }
        return result;
    }

    private void record(int token, boolean fed) {
        if (count == 0) {
            firstToken = System.nanoTime();
            listener.onPrefill(request.prompt().length, request.prompt().length);
        }
        if (count == generated.length) {
            generated = Arrays.copyOf(generated, count * 2);
        }
        generated[count++] = token;
        sampler.recordRead();
        if (fed) {
            session.append(token);
        }
        if (count % CLEAR_CACHE_EVERY == 0) {
            MlxMemory.clearCache();
        }
    }

    int[] generated() {
        return Arrays.copyOf(generated, count);
    }

    long firstTokenNanos() {
        return firstToken;
    }
}
