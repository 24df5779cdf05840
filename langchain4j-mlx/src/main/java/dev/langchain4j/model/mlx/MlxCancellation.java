package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.response.StreamingHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * Cancels requests at any time: while they wait, during prefill, or during decode. Give it to requests with {@link
 * MlxChatRequestParameters.Builder#cancellation}; one may serve several requests, such as all rounds of a tool loop.
 *
 * <p>A blocking call, a future or a stream of events then fails with a {@link
 * dev.langchain4j.exception.NonRetriableException}; a streaming handler gets no callback any more, as with
 * LangChain4j's {@link StreamingHandle}. What was computed stays in the prompt cache.
 *
 * <p>Thread-safe.
 */
public final class MlxCancellation implements StreamingHandle {
    private final List<Runnable> running = new ArrayList<>();
    private boolean cancelled;

    /** Ends the requests with this cancellation, each before its next step, and all that get it later. Idempotent. */
    @Override
    public void cancel() {
        List<Runnable> all;
        synchronized (running) {
            cancelled = true;
            all = List.copyOf(running);
            running.clear();
        }
        all.forEach(Runnable::run);
    }

    @Override
    public boolean isCancelled() {
        synchronized (running) {
            return cancelled;
        }
    }

    /** Adds the action that cancels a request. Runs it at once if this was cancelled before. */
    void add(Runnable cancel) {
        boolean late;
        synchronized (running) {
            late = cancelled;
            if (!late) {
                running.add(cancel);
            }
        }
        if (late) {
            cancel.run();
        }
    }

    /** A request has ended; nothing of it is held any more. */
    void remove(Runnable cancel) {
        synchronized (running) {
            running.remove(cancel);
        }
    }
}
