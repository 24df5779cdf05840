package dev.langchain4j.mlx;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;

/** Steps that queue one another: each stands behind all that came during the one before. */
final class SteppedTask<T> implements Runnable {
    private final MlxThread thread;
    private final MlxThread.Steps<T> steps;
    final CompletableFuture<T> answer = new CompletableFuture<>();
    volatile boolean cancelled;

    SteppedTask(MlxThread thread, MlxThread.Steps<T> steps) {
        this.thread = thread;
        this.steps = steps;
    }

    /** One step, and the rest later. */
    @Override
    public void run() {
        if (step()) {
            thread.execute(this);
        }
    }

    /** All steps, with nobody in between. */
    void runAll() {
        while (step()) {
            // until it was the last one
        }
    }

    /** Whether there are more. */
    private boolean step() {
        T result = null;
        Throwable failure = null;
        try {
            if (cancelled) {
                throw new CancellationException("interrupted before the next step");
            }
            result = steps.step();
        } catch (Throwable e) {
            failure = e;
        }
        if (result == null && failure == null) {
            return true;
        }
        try {
            steps.close();
        } catch (Throwable e) {
            if (failure == null) {
                failure = e;
            } else {
                failure.addSuppressed(e);
            }
        }
        if (failure == null) {
            answer.complete(result);
        } else {
            answer.completeExceptionally(failure);
        }
        return false;
    }
}
