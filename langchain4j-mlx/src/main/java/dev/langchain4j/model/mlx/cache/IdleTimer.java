package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.Internal;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes idle time count while no request comes: has the owner of a cache look for what is idle, some times within the
 * allowed time. It sleeps in between, on a virtual thread, which keeps neither the JVM nor, once closed, a class
 * loader.
 */
@Internal
public final class IdleTimer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(IdleTimer.class);
    private static final int LOOKS_PER_IDLE_TIME = 16;
    private static final long MILLIS_MIN = 10;
    private static final long MILLIS_MAX = Duration.ofDays(1).toMillis();

    private final Thread thread;

    private IdleTimer(Thread thread) {
        this.thread = thread;
    }

    /**
     * Starts the timer of a cache.
     *
     * @param limits what the cache was made with; without a limit of idle time there is nothing to do
     * @param owner runs tasks on the thread that owns the model
     */
    public static IdleTimer start(TrieCache cache, CacheLimits limits, Executor owner) {
        long idleNanos = limits.idleNanos();
        if (limits.keepNothing() || idleNanos == Long.MAX_VALUE) {
            return new IdleTimer(null);
        }
        long millis = Math.clamp(idleNanos / LOOKS_PER_IDLE_TIME / 1_000_000, MILLIS_MIN, MILLIS_MAX);
        return new IdleTimer(Thread.ofVirtual()
                .name("mlx-prompt-cache-idle")
                .start(() -> run(cache, owner, Duration.ofMillis(millis))));
    }

    private static void run(TrieCache cache, Executor owner, Duration period) {
        try {
            while (!cache.isClosed()) {
                Thread.sleep(period);
                // An owner that is busy is not asked twice.
                CompletableFuture.runAsync(cache::expire, owner).get();
            }
        } catch (InterruptedException | IllegalStateException closed) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException e) {
            log.warn("The prompt cache no longer checks for idle entries", e.getCause());
        }
    }

    /** Waits for the end of a timer that was closed; whether it came in time. */
    boolean join(Duration most) throws InterruptedException {
        return thread == null || thread.join(most);
    }

    /** Ends the timer. Idempotent. */
    @Override
    public void close() {
        if (thread != null) {
            thread.interrupt();
        }
    }
}
