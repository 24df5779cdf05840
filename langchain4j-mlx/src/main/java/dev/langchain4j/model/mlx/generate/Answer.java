package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.text.DecodeStream;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;
import java.util.Arrays;

/** What was generated so far: the tokens, and their text as far as it was passed on. */
final class Answer implements AutoCloseable {
    /** Freed buffers of many sizes pile up while the context grows; mlx-lm drops them at the same rate. */
    private static final int CLEAR_CACHE_EVERY = 256;

    private final Generation generation;
    private final DecodeStream stream;
    private final StopMatcher stops;
    private int limit;
    private int[] tokens = new int[64];
    private int count;
    private long firstToken;
    private long lastToken;
    private long longestStall;

    Answer(Generation generation) {
        this.generation = generation;
        Engine engine = generation.engine();
        GenerationRequest request = generation.request();
        this.limit = request.outputLimit(engine.contextLength() - request.prompt().length);
        this.stops = new StopMatcher(request.stopSequences());
        this.stream = engine.tokenizer().decodeStream(false);
    }

    /** Whether another token may come after the next one. Without memory for it the answer ends as at its limit. */
    boolean goesOn() {
        if (!generation.mayGrow()) {
            limit = Math.min(limit, count + 1);
        }
        return count + 1 < limit;
    }

    /** Most tokens that can still be recorded. */
    int left() {
        return limit - count;
    }

    /** Notes a token that was read; {@code fed} says whether the layers have it. */
    void record(int token, boolean fed) {
        long now = System.nanoTime();
        if (count > 0) {
            longestStall = Math.max(longestStall, now - lastToken);
        }
        lastToken = now;
        if (count == 0) {
            firstToken = now;
            int prompt = generation.request().prompt().length;
            generation.listener().onPrefill(prompt, prompt);
        }
        if (count == tokens.length) {
            tokens = Arrays.copyOf(tokens, count * 2);
        }
        tokens[count++] = token;
        generation.sampler().recordRead();
        if (fed) {
            generation.session().append(token);
        }
        if (count % CLEAR_CACHE_EVERY == 0) {
            MlxMemory.clearCache();
        }
    }

    /** Passes on the text of a token that was recorded. Returns why the answer ends with it; null to go on. */
    End pass(int token, boolean more) {
        if (generation.engine().isEnd(token)) {
            flush();
            return End.STOP;
        }
        String text = stream.step(token);
        pass(stops.accept(text));
        generation.reasoning().passed(!text.isEmpty());
        if (stops.matched() != null) {
            return End.STOP;
        }
        if (!more) {
            flush();
            return End.LENGTH;
        }
        return null;
    }

    private void flush() {
        pass(stops.accept(stream.finish()));
        pass(stops.finish());
    }

    private void pass(String text) {
        if (!text.isEmpty()) {
            generation.listener().onText(text);
        }
    }

    int count() {
        return count;
    }

    int[] tokens() {
        return Arrays.copyOf(tokens, count);
    }

    /** When the first token was read; 0 before. */
    long firstTokenNanos() {
        return firstToken;
    }

    /** The longest time between two tokens, in nanoseconds; 0 if there were not two. */
    long longestStallNanos() {
        return longestStall;
    }

    @Override
    public void close() {
        stream.close();
    }
}
