package dev.langchain4j.model.mlx.hub;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import java.io.IOException;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** Attempts at one thing: how often, and how long to wait in between. */
final class Retries {
    /** So many bytes are progress: the failures before them do not count any more. */
    private static final long PROGRESS_BYTES = 1 << 20;

    private final HubSettings settings;
    private final int attempts;
    private final String what;
    private int failures;

    /** @param what is tried, for the message of the last failure */
    Retries(HubSettings settings, int attempts, String what) {
        this.settings = settings;
        this.attempts = attempts;
        this.what = what;
    }

    /** Something that may fail in a way that another attempt may mend. */
    @FunctionalInterface
    interface Attempt<T> {
        T run() throws IOException, InterruptedException;
    }

    /** Tries until it works or fails for good. */
    <T> T run(Attempt<T> attempt) throws InterruptedException {
        while (true) {
            try {
                return attempt.run();
            } catch (IOException e) {
                failed(e, 0);
            }
        }
    }

    /**
     * Waits for the next attempt.
     *
     * @param bytes that came before the failure
     * @throws dev.langchain4j.exception.LangChain4jException if that was the last one
     */
    void failed(IOException e, long bytes) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        failures = bytes >= PROGRESS_BYTES ? 1 : failures + 1;
        if (failures >= attempts) {
            throw last(e);
        }
        Thread.sleep(wait(e));
    }

    private Duration wait(IOException e) {
        Duration asked = e instanceof BrokenTransferException broken ? broken.retryAfter() : null;
        Duration doubled = settings.backoff().multipliedBy(1L << Math.min(failures - 1, 20));
        long millis = Math.min(
                (asked != null ? asked : doubled).toMillis(),
                settings.backoffMax().toMillis());
        return Duration.ofMillis(
                asked != null || millis == 0
                        ? millis
                        : ThreadLocalRandom.current().nextLong(millis / 2, millis + 1));
    }

    private RuntimeException last(IOException e) {
        String reason = e.getMessage() == null ? e.toString() : e.getMessage();
        String message = "cannot " + what + ", tried " + attempts + (attempts == 1 ? " time: " : " times: ") + reason;
        if (e instanceof BrokenTransferException broken && broken.status() == 429) {
            return new RateLimitException(message, e);
        }
        return e instanceof HttpTimeoutException
                ? new TimeoutException(message, e)
                : new InternalServerException(message, e);
    }
}
