package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.model.mlx.cache.CacheRequest;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.vision.PromptPictures;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Prefills what the next prompt of a conversation begins with, in pieces that a request can wait for. */
final class PrefillAhead implements IdleJob {
    private static final Logger log = LoggerFactory.getLogger(PrefillAhead.class);

    private final Engine engine;
    private final CacheRequest request;
    private final Seeing seeing;
    private final int end;
    private final AheadEvent event = new AheadEvent();
    /** Whether it need not be tried again. */
    private final CompletableFuture<Boolean> done = new CompletableFuture<>();

    private CacheSession session;
    /** Null if no model drafts. */
    private ModelDrafter drafter;

    private int position;
    private boolean inStep;
    /** Whether there was nothing to compute. */
    private boolean needless;

    /**
     * Prefills nothing yet.
     *
     * @param request what the prompt begins with, and one token more
     * @param pictures of it; null for none
     */
    PrefillAhead(Engine engine, CacheRequest request, PromptPictures pictures) {
        this.engine = engine;
        this.request = request;
        this.seeing = Seeing.of(pictures, engine.features());
        this.end = request.tokens().length - 1;
    }

    CompletableFuture<Boolean> done() {
        return done;
    }

    @Override
    public int position() {
        return position;
    }

    @Override
    public boolean step(int tokens) {
        if (session == null) {
            event.begin();
            session = engine.cache().beginAhead(request, Engine.AHEAD_TOKENS_MIN);
            needless = session == null;
            position = needless ? end : session.resumePosition();
            drafter = needless ? null : engine.newModelDrafter(session.layers(), null);
        }
        if (needless || session.isClosed()) {
            return false;
        }
        if (session.isRestoring()) {
            session.restore();
            position = session.resumePosition();
            return position < end;
        }
        inStep = true;
        int start = position;
        int next = Prefill.chunkEnd(engine, session, seeing, start, end, tokens);
        if (seeing.mustEncode(start, next)) {
            seeing.encode(start, next);
        } else {
            PrefillPass.compute(
                    engine.model(),
                    List.of(session.layers()),
                    List.of(Arrays.copyOfRange(seeing.fed(request.tokens()), start, next)),
                    () -> List.of(seeing.sight(start, next)),
                    Collections.singletonList(drafter),
                    hidden -> List.of());
            session.checkpoint();
            seeing.fedTo(next);
            position = next;
        }
        inStep = false;
        return position < end;
    }

    @Override
    public void end(Throwable failure) {
        boolean dropped = session != null && session.isClosed();
        if (failure != null) {
            log.debug("Computing a prompt ahead failed", failure);
        }
        try (seeing) {
            try {
                if (drafter != null) {
                    drafter.close();
                }
            } finally {
                closeSession();
            }
        } finally {
            done.complete(needless || dropped || failure != null || position == end);
        }
    }

    private void closeSession() {
        if (session != null) {
            session.close(inStep ? Outcome.FAILED : Outcome.CANCELLED);
            commit();
            if (end - session.resumePosition() > engine.chunkTokens()) {
                MlxMemory.clearCache();
            }
        }
    }

    private void commit() {
        if (event.shouldCommit()) {
            event.conversation = GenerationRequest.name(request.conversation());
            event.start = session.resumePosition();
            event.end = position;
            event.wanted = end;
            event.stopped = position < end;
            event.commit();
        }
    }
}
