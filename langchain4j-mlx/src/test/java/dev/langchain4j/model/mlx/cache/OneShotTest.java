package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Questions that nobody comes back to, behind one system message: what they cost is the copy of it, and no more. */
class OneShotTest {
    private static final int SYSTEM = 100;
    private static final int QUESTIONS = 60;

    /** Runs questions of so many tokens and gives the bytes that were copied for each, first ones left out. */
    private static long copiedForEach(CacheHarness harness, int tokens, IntFunction<Object> conversation) {
        long before = 0;
        for (int i = 0; i < 2 * QUESTIONS; i++) {
            if (i == QUESTIONS) {
                before = harness.stats().bytesCopied();
            }
            int[] prompt = concat(range(0, SYSTEM), range(1000 * (i + 1), 1000 * (i + 1) + tokens - 20));
            harness.run(
                    conversation.apply(i),
                    prompt,
                    range(500, 520),
                    Outcome.FINISHED,
                    new Boundary(SYSTEM, Tier.SYSTEM),
                    new Boundary(prompt.length, Tier.USER));
        }
        long copied = (harness.stats().bytesCopied() - before) / QUESTIONS;
        harness.close();
        return copied;
    }

    @Test
    void ofOneConversationNothingIsSlicedOutThatTakesMoreThanThePrefix() {
        CacheHarness harness = CacheHarness.of(1_000_000_000, Kind.SLICEABLE);
        assertThat(copiedForEach(harness, 2000, i -> "default")).isLessThanOrEqualTo(SYSTEM);
    }

    @Test
    void ofOneConversationAShortQuestionIsSlicedOutAndThePrefixStays() {
        CacheHarness harness = CacheHarness.of(1_000_000_000, Kind.SLICEABLE);
        assertThat(copiedForEach(harness, 40, i -> "default")).isLessThanOrEqualTo(40);
    }

    @ParameterizedTest
    @CsvSource({"520, 8680", "2000, 30000", "520, 2000", "100, 3000"})
    void underPressureWhatIsEvictedNextIsNotFoldedBefore(int tokens, long bytesMax) {
        for (boolean named : new boolean[] {true, false}) {
            CacheHarness harness = CacheHarness.of(bytesMax, Kind.SLICEABLE);
            long copied = copiedForEach(harness, tokens, i -> named ? "c" + i : null);
            System.out.printf("one-shot prompts of %d tokens: %d bytes copied for each%n", SYSTEM + tokens, copied);
            assertThat(copied).as("bytes copied for each question").isLessThanOrEqualTo(SYSTEM + tokens / 8);
        }
    }
}
