package dev.langchain4j.model.mlx;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/** Turns blocking calls into futures, on a virtual thread each, so that no platform thread waits. */
final class Futures {
    private Futures() {}

    /**
     * Calls on a virtual thread. Cancelling the future interrupts that thread, which cancels a request of a model.
     * Otherwise that thread runs what depends on the future, which may therefore wait, and use the model.
     */
    static <T> CompletableFuture<T> call(String threadName, Supplier<T> blocking) {
        CompletableFuture<T> future = new CompletableFuture<>();
        AtomicBoolean ended = new AtomicBoolean();
        Thread caller = Thread.ofVirtual().name(threadName).unstarted(() -> {
            T result = null;
            Throwable failure = null;
            try {
                result = blocking.get();
            } catch (Throwable e) {
                failure = e;
            }
            // From here on the thread belongs to those who depend on the future.
            ended.set(true);
            if (failure == null) {
                future.complete(result);
            } else {
                future.completeExceptionally(failure);
            }
        });
        future.whenComplete((result, failure) -> {
            if (!ended.get()) {
                caller.interrupt();
            }
        });
        caller.start();
        return future;
    }
}
