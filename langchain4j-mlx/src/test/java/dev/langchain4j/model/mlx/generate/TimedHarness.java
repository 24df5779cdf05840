package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeEach;

/** Requests whose steps take time: a chunk 5 ms and 1 ms for each token, a step of decode 30 ms. */
abstract class TimedHarness extends SchedulerHarness {
    static final long MILLI = 1_000_000;
    static final int FOREVER = 100_000;

    @BeforeEach
    void costs() {
        tasks.shared = false;
        cuts = true;
        nanosOfChunk = 5 * MILLI;
        nanosOfToken = MILLI;
        nanosOfDecode = 30 * MILLI;
    }

    static EngineLimits limits(int concurrent, int stallMillis, double decodeShare) {
        return new EngineLimits(
                concurrent, 1000, null, Duration.ZERO, false, true, Duration.ofMillis(stallMillis), decodeShare);
    }

    /** Runs passes until something holds; each pass is a task, for something else waits after it. */
    void runUntil(BooleanSupplier holds) {
        tasks.shared = true;
        for (int i = 0; !holds.getAsBoolean(); i++) {
            assertThat(i).as("passes").isLessThan(FOREVER);
            assertThat(tasks.runOne()).as("something is left to do").isTrue();
        }
    }
}
