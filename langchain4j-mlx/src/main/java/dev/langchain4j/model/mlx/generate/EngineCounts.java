package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.exception.TimeoutException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;

/** Counts requests, for whoever reads the numbers on another thread. */
final class EngineCounts {
    private volatile int running;
    private final AtomicLong finished = new AtomicLong();
    private final AtomicLong cancelled = new AtomicLong();
    private final AtomicLong timedOut = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    /** Chunks of prefill that requests which decode had to wait for, and how long: in all, and at most. */
    private final AtomicLong stalls = new AtomicLong();

    private final AtomicLong stallNanos = new AtomicLong();
    private volatile long longestStallNanos;

    void now(int runningRequests) {
        running = runningRequests;
    }

    /** Counts a chunk of prefill that requests which decode had to wait for. On the model's thread. */
    void stalled(long nanos) {
        stalls.incrementAndGet();
        stallNanos.addAndGet(nanos);
        longestStallNanos = Math.max(longestStallNanos, nanos);
    }

    long stalls() {
        return stalls.get();
    }

    long stallNanos() {
        return stallNanos.get();
    }

    long longestStallNanos() {
        return longestStallNanos;
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

    EngineStats stats(int open) {
        int now = running;
        return new EngineStats(
                Math.max(0, open - now),
                now,
                finished.get(),
                cancelled.get(),
                timedOut.get(),
                refused.get(),
                failed.get());
    }
}
