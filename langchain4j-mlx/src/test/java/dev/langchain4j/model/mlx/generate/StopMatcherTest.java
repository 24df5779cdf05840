package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StopMatcherTest {
    private static String all(StopMatcher matcher, String... pieces) {
        StringBuilder passed = new StringBuilder();
        for (String piece : pieces) {
            passed.append(matcher.accept(piece));
        }
        return passed.append(matcher.finish()).toString();
    }

    @Test
    void withoutStopSequencesEverythingPassesAtOnce() {
        StopMatcher matcher = new StopMatcher(List.of());
        assertThat(matcher.accept("abc")).isEqualTo("abc");
        assertThat(matcher.matched()).isNull();
    }

    @Test
    void aStopSequenceOverSeveralPiecesNeverLeaks() {
        StopMatcher matcher = new StopMatcher(List.of("</end>"));
        assertThat(matcher.accept("one <")).isEqualTo("one ");
        assertThat(matcher.accept("/en")).isEmpty();
        assertThat(matcher.accept("d> two")).isEmpty();
        assertThat(matcher.matched()).isEqualTo("</end>");
        assertThat(matcher.accept("three")).isEmpty();
        assertThat(matcher.finish()).isEmpty();
    }

    @Test
    void whatOnlyBeganLikeAStopSequenceIsPassedOn() {
        StopMatcher matcher = new StopMatcher(List.of("abc"));
        assertThat(matcher.accept("xab")).isEqualTo("x");
        assertThat(matcher.accept("ab")).isEqualTo("ab");
        assertThat(matcher.finish()).isEqualTo("ab");
    }

    @Test
    void theEarliestOfSeveralEndsTheTextAndOfTwoAtOnePlaceTheLonger() {
        StopMatcher first = new StopMatcher(List.of("zz", "b"));
        assertThat(all(first, "aabzz")).isEqualTo("aa");
        assertThat(first.matched()).isEqualTo("b");
        StopMatcher longer = new StopMatcher(List.of("ab", "abc"));
        assertThat(all(longer, "xabc")).isEqualTo("x");
        assertThat(longer.matched()).isEqualTo("abc");
    }

    @Test
    void howTheTextIsCutDoesNotMatter() {
        long seed = 7;
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 3000; round++) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(30); i > 0; i--) {
                text.append((char) ('a' + random.nextInt(3)));
            }
            List<String> stops = List.of("abca", "cc", "bab");
            StopMatcher whole = new StopMatcher(stops);
            String expected = whole.accept(text.toString()) + whole.finish();
            StopMatcher matcher = new StopMatcher(stops);
            StringBuilder passed = new StringBuilder();
            for (int i = 0; i < text.length(); ) {
                int end = Math.min(text.length(), i + 1 + random.nextInt(4));
                passed.append(matcher.accept(text.substring(i, end)));
                i = end;
            }
            passed.append(matcher.finish());
            assertThat(expected).as("seed %d: %s", seed, text).startsWith(passed.toString());
            assertThat(stops).as("seed %d: %s", seed, text).noneMatch(passed.toString()::contains);
        }
    }
}
