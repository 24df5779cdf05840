package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/**
 * Feeds a prompt but for its last token, in chunks that end at multiples of the chunk size, where the cache wants a
 * checkpoint, and where a layer says so. The fixed grid makes a resumed prompt compute in the same pieces as one from the start.
 */
final class Prefill {
    private final LanguageModel model;
    private final CacheSession session;
    private final int chunkTokens;
    private int position;
    private int chunks;

    Prefill(LanguageModel model, CacheSession session, int chunkTokens) {
        this.model = model;
        this.session = session;
        this.chunkTokens = chunkTokens;
    }

    /** Feeds {@code prompt[resumePosition .. length - 1)}. Returns false if it was cancelled on the way. */
    boolean run(GenerationRequest request, GenerationListener listener, BooleanSupplier cancelled) {
        PrefillEvent event = new PrefillEvent();
        event.begin();
        try {
            boolean whole = feedAll(request.prompt(), listener, cancelled);
            event.cancelled = !whole;
            return whole;
        } finally {
            if (event.shouldCommit()) {
                event.conversation = request.conversationName();
                event.promptTokens = request.prompt().length;
                event.start = session.resumePosition();
                event.end = position;
                event.chunks = chunks;
                event.commit();
            }
        }
    }

    private boolean feedAll(int[] prompt, GenerationListener listener, BooleanSupplier cancelled) {
        int end = prompt.length - 1;
        position = session.resumePosition();
        listener.onPrefill(position, prompt.length);
        while (position < end) {
            if (cancelled.getAsBoolean()) {
                return false;
            }
            int gridLine = (position / chunkTokens + 1) * chunkTokens;
            int next = Math.min(Math.min(gridLine, end), Math.min(session.nextCheckpoint(position), limit()));
            feed(Arrays.copyOfRange(prompt, position, next));
            session.checkpoint();
            position = next;
            chunks++;
            listener.onPrefill(position, prompt.length);
        }
        if (end - session.resumePosition() > chunkTokens) {
            MlxMemory.clearCache();
        }
        return true;
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
            hidden = model.forward(MlxArray.of(chunk, 1, chunk.length), session.layers())
                    .detach();
        }
        try (hidden) {
            Eval.eval(LayerCache.buffers(session.layers()));
        }
    }
}
