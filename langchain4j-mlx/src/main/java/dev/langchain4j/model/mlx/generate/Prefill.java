package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.Arrays;

/**
 * Feeds a prompt but for its last token, in chunks that end at multiples of the chunk size, where the cache wants a
 * checkpoint, and where a layer says so. The fixed grid makes a resumed prompt compute in the same pieces as one from the start.
 */
final class Prefill implements AutoCloseable {
    private final Generation generation;
    private final CacheSession session;
    private final int[] prompt;
    private final int end;
    private final PrefillEvent event = new PrefillEvent();
    private int position;
    private int chunks;
    private boolean ended;

    Prefill(Generation generation) {
        this.generation = generation;
        this.session = generation.session();
        this.prompt = generation.request().prompt();
        this.end = prompt.length - 1;
        this.position = session.resumePosition();
        event.begin();
        generation.listener().onPrefill(position, prompt.length);
    }

    /** Tokens that are still to be fed. */
    int remaining() {
        return end - position;
    }

    /** Where the next chunk ends, of a prompt that has tokens left. */
    int nextPosition() {
        if (session.isRestoring()) {
            return session.nextRestored();
        }
        int chunkTokens = generation.engine().prefillChunkTokens();
        int gridLine = (position / chunkTokens + 1) * chunkTokens;
        return Math.min(Math.min(gridLine, end), Math.min(session.nextCheckpoint(position), limit()));
    }

    /**
     * Feeds the next chunk, of a prompt that has tokens left, or restores the next part of it from disk.
     *
     * @throws RateLimitException if other requests take the memory for it
     * @throws InvalidRequestException if there is too little memory for it anyway
     */
    void step() {
        int next = nextPosition();
        if (!generation.hasRoom()) {
            throw noRoom(generation.engine().stats().running() > 1);
        }
        if (session.isRestoring()) {
            session.restore();
            position = session.resumePosition();
        } else {
            feed(Arrays.copyOfRange(prompt, position, next));
            session.checkpoint();
            position = next;
            chunks++;
        }
        generation.listener().onPrefill(position, prompt.length);
        if (position == end
                && end - session.resumePosition() > generation.engine().prefillChunkTokens()) {
            MlxMemory.clearCache();
        }
    }

    private RuntimeException noRoom(boolean others) {
        String text = "the prompt (" + prompt.length + " tokens) needs more memory than the prompt cache may take";
        return others
                ? new RateLimitException(text + " beside the other requests that run: try again later")
                : new InvalidRequestException(text + ": raise cacheLimits, or shorten the conversation");
    }

    private int limit() {
        int limit = Integer.MAX_VALUE;
        for (LayerCache layer : session.layers()) {
            limit = Math.min(limit, layer.chunkLimit());
        }
        return limit;
    }

    private void feed(int[] chunk) {
        MlxArray hidden;
        try (Scope scope = Scope.open()) {
            hidden = generation
                    .model()
                    .forward(MlxArray.of(chunk, 1, chunk.length), session.layers())
                    .detach();
        }
        try (hidden) {
            Eval.eval(LayerCache.buffers(session.layers()));
        }
    }

    /** Nothing is fed any more: Flight Recorder is told. Idempotent. */
    @Override
    public void close() {
        if (!ended && event.shouldCommit()) {
            event.conversation = generation.request().conversationName();
            event.promptTokens = prompt.length;
            event.start = session.resumePosition();
            event.end = position;
            event.chunks = chunks;
            event.cancelled = position < end;
            event.commit();
        }
        ended = true;
    }
}
