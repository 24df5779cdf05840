package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How far a prompt is restored: ann's record begins with three tokens that bob's prompt has, too, so that his record
 * goes on from within hers, all of which is read for him.
 */
class RestorationTest {
    private static final Boundary SYSTEM = new Boundary(50, Tier.SYSTEM);
    private static final int[] BEGIN = concat(range(0, 50), range(5, 8));
    private static final int[] ANSWER = {1, 2, 3};

    @TempDir
    Path folder;

    private CacheHarness open(Kind... kinds) {
        return CacheHarness.of(1_000_000, kinds)
                .onDisk(folder, DiskLimits.ofBytes(1 << 26).idleBeforeWrite(Duration.ZERO));
    }

    private static int answer(CacheHarness harness, Object conversation, int[] prompt) {
        return harness.run(conversation, prompt, ANSWER, Outcome.FINISHED, SYSTEM);
    }

    private void write(int bob, Kind... kinds) {
        CacheHarness harness = open(kinds);
        answer(harness, "ann", concat(BEGIN, range(1000, 1200)));
        harness.idle();
        answer(harness, "bob", concat(BEGIN, range(2000, 2000 + bob)));
        harness.idle();
        harness.close();
    }

    /**
     * @param bob how many more tokens he wrote
     * @param eve how many of those are in the next prompt
     */
    @ParameterizedTest
    @CsvSource({
        "100, 0, 50, 1",
        "100, 2, 50, 1",
        "100, 90, 143, 3",
        "200, 12, 50, 1",
        "200, 30, 83, 3",
        "4, 4, 50, 1",
        "12, 12, 65, 3",
        "12, 3, 50, 1",
    })
    void recordsAreReadIfEnoughOfThemIsNeeded(int bob, int eve, int tokens, int records) {
        write(bob, Kind.SLICEABLE);
        CacheHarness next = open(Kind.SLICEABLE);
        assertThat(answer(next, "eve", concat(BEGIN, range(2000, 2000 + eve), range(4, 8))))
                .isEqualTo(tokens);
        // a record has a page for its tokens and one for its arrays
        assertThat(next.tier.stats().bytesRead()).isEqualTo(records * 2 * 16384L);
        next.close();
    }

    @ParameterizedTest
    @CsvSource({"WINDOW, 4, 50", "WINDOW, 20, 76", "RECURRENT, 4, 50", "RECURRENT, 20, 76"})
    void aStateIsReadIfEnoughOfTheRecordsBeforeItIsNeeded(Kind kind, int bob, int tokens) {
        write(bob, Kind.SLICEABLE, kind);
        CacheHarness next = open(Kind.SLICEABLE, kind);
        assertThat(answer(next, "bob", concat(BEGIN, range(2000, 2000 + bob), ANSWER, range(4, 8))))
                .isEqualTo(tokens);
        next.close();
    }
}
