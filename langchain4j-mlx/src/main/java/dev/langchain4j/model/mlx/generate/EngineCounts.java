package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.exception.TimeoutException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;

/** Counts requests, for whoever reads the numbers on another thread. */
final class EngineCounts {
    private volatile int waiting;
    private volatile int running;
    private final AtomicLong finished = new AtomicLong();
    private final AtomicLong cancelled = new AtomicLong();
    private final AtomicLong timedOut = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();

    void now(int waitingRequests, int runningRequests) {
        waiting = waitingRequests;
        running = runningRequests;
    }

    void refused() {
        refused.incrementAndGet();
    }

    /** Counts an end; null is a request's own end. */
    void ended(Throwable failure) {
        AtomicLong count =
                switch (failure) {
                    case null -> finished;
                    case CancellationException e -> cancelled;
                    case TimeoutException e -> timedOut;
                    default -> failed;
                };
        count.incrementAndGet();
    }

    EngineStats stats(int arrived) {
        return new EngineStats(
                waiting + arrived,
                running,
                finished.get(),
                cancelled.get(),
                timedOut.get(),
                refused.get(),
                failed.get());
    }
}
