package dev.langchain4j.model.mlx.generate;

import java.time.Duration;
import java.util.Objects;

/**
 * How many requests an {@link Engine} takes, for how long, and how they share its time.
 *
 * @param maxConcurrent most requests that run at the same time, at least 1
 * @param maxQueued most requests that wait for their turn; what comes beyond is refused
 * @param queueTimeout most time that a request waits for its turn; null for any
 * @param gracePeriod how long requests may go on when the engine is closed or the JVM shuts down
 * @param exactBatching whether requests that run at the same time take turns instead of sharing forward passes, so that
 *     each computes the very bits that it computes alone
 * @param stallTarget how long a chunk of prefill may last while other requests decode
 * @param speculation whether drafted tokens are checked several at a time where that is faster
 * @param decodeShare the share of the time that decode gets while prompts are prefilled, at least 0 and less than 1
 */
public record EngineLimits(
        int maxConcurrent,
        int maxQueued,
        Duration queueTimeout,
        Duration gracePeriod,
        boolean exactBatching,
        boolean speculation,
        Duration stallTarget,
        double decodeShare) {

    private static final Duration STALL_TARGET = Duration.ofMillis(200);
    private static final double DECODE_SHARE = 1.0 / 3;

    /** Eight requests at a time, 1024 in the queue for as long as it takes, and ten seconds of grace. */
    public static final EngineLimits DEFAULT = new EngineLimits(8, 1024, null, Duration.ofSeconds(10), false);

    /** Limits with the default stall target and share of decode, and with speculation. */
    public EngineLimits(
            int maxConcurrent, int maxQueued, Duration queueTimeout, Duration gracePeriod, boolean exactBatching) {
        this(maxConcurrent, maxQueued, queueTimeout, gracePeriod, exactBatching, true, STALL_TARGET, DECODE_SHARE);
    }

    /** Checks each value. */
    public EngineLimits {
        Objects.requireNonNull(gracePeriod, "gracePeriod");
        Objects.requireNonNull(stallTarget, "stallTarget");
        if (maxConcurrent < 1) {
            throw new IllegalArgumentException("maxConcurrent (" + maxConcurrent + ") must be at least 1");
        }
        if (maxQueued < 0) {
            throw new IllegalArgumentException("maxQueued (" + maxQueued + ") must not be negative");
        }
        if (queueTimeout != null && (queueTimeout.isNegative() || queueTimeout.isZero())) {
            throw new IllegalArgumentException("queueTimeout (" + queueTimeout + ") must be positive");
        }
        if (gracePeriod.isNegative()) {
            throw new IllegalArgumentException("gracePeriod (" + gracePeriod + ") must not be negative");
        }
        if (stallTarget.isNegative() || stallTarget.isZero()) {
            throw new IllegalArgumentException("stallTarget (" + stallTarget + ") must be positive");
        }
        if (!(decodeShare >= 0 && decodeShare < 1)) {
            throw new IllegalArgumentException("decodeShare (" + decodeShare + ") must be at least 0 and less than 1");
        }
    }
}
