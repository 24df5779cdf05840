package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class KnownPathTest {
    private static final int[] PROMPT = CacheHarness.range(0, 40);

    private static KnownPath behind(CacheHarness cache, Object conversation, int... prompt) {
        try (CacheSession session = cache.begin(conversation, prompt)) {
            return session.knownPath();
        }
    }

    @Test
    void anAnswerToTheSamePromptIsKnown() {
        CacheHarness cache = CacheHarness.of(1 << 20, Kind.SLICEABLE);
        cache.run("ann", PROMPT, new int[] {7, 8, 9, 10}, Outcome.FINISHED);

        KnownPath path = behind(cache, "bob", PROMPT);
        assertThat(path.next(3)).containsExactly(7, 8, 9);
        path.advance(7);
        path.advance(8);
        assertThat(path.next(3)).containsExactly(9, 10);
        path.advance(3);
        assertThat(path.next(3)).as("it went on otherwise").isEmpty();
        path.advance(10);
        assertThat(path.next(3)).isEmpty();
        cache.close();
    }

    @Test
    void ofSeveralAnswersTheNewest() {
        CacheHarness cache = CacheHarness.of(1 << 20, Kind.SLICEABLE);
        cache.run("ann", PROMPT, new int[] {7, 8, 9}, Outcome.FINISHED);
        cache.run("bob", PROMPT, new int[] {7, 5, 6}, Outcome.FINISHED);

        KnownPath path = behind(cache, "cid", PROMPT);
        assertThat(path.next(9)).containsExactly(7, 5, 6);
        path.advance(7);
        path.advance(8);
        assertThat(path.next(9)).as("the other one, once it is that").containsExactly(9);
        cache.close();
    }

    @Test
    void isolatedConversationsKnowNothingOfOthers() {
        CacheHarness cache = CacheHarness.of(1 << 20, Kind.SLICEABLE);
        cache.isolation = Isolation.PER_MEMORY_ID;
        cache.run("ann", PROMPT, new int[] {7, 8, 9}, Outcome.FINISHED);

        assertThat(behind(cache, "bob", PROMPT).next(9)).isEmpty();
        cache.isolation = Isolation.SHARED;
        assertThat(behind(cache, "bob", PROMPT).next(9)).isEmpty();
        cache.close();
    }

    @Test
    void anotherPromptKnowsNothing() {
        CacheHarness cache = CacheHarness.of(1 << 20, Kind.SLICEABLE);
        cache.run("ann", PROMPT, new int[] {7, 8, 9}, Outcome.FINISHED);

        assertThat(behind(cache, "bob", CacheHarness.concat(PROMPT, new int[] {7, 8, 1}))
                        .next(9))
                .isEmpty();
        assertThat(behind(cache, "bob", 99).next(9)).isEmpty();
        cache.close();
    }

    /**
     * Requests that branch everywhere and are evicted, beside paths that go on: what a path says was said behind it.
     */
    @Test
    void whatItSaysWasSaidWhateverHappensToTheTrie() {
        Random random = new Random(Seeds.seed(KnownPathTest.class));
        int told = 0;
        for (int round = 0; round < 200; round++) {
            CacheHarness cache = CacheHarness.ofEntries(2 + random.nextInt(6), Kind.SLICEABLE);
            List<int[]> said = new ArrayList<>();
            int[] tokens = random.ints(2, 0, 2).toArray();
            said.add(random.ints(12, 0, 2).toArray());
            cache.run("first", CacheHarness.concat(tokens, said.getFirst()));
            said.set(0, CacheHarness.concat(tokens, said.getFirst()));
            KnownPath path = behind(cache, "own", tokens);
            for (int step = 0; step < 12; step++) {
                if (random.nextBoolean()) {
                    int[] other = random.ints(3 + random.nextInt(12), 0, 2).toArray();
                    cache.run("c" + random.nextInt(9), other);
                    said.add(other);
                }
                int[] next = path.next(1 + random.nextInt(5));
                int[] whole = CacheHarness.concat(tokens, next);
                told += next.length;
                assertThat(next.length == 0 || said.stream().anyMatch(one -> startsWith(one, whole)))
                        .isTrue();
                int token = next.length > 0 && random.nextInt(4) > 0 ? next[0] : random.nextInt(2);
                path.advance(token);
                tokens = CacheHarness.concat(tokens, new int[] {token});
            }
            cache.close();
        }
        assertThat(told).isGreaterThan(500);
    }

    private static boolean startsWith(int[] tokens, int[] beginning) {
        int mismatch = Arrays.mismatch(tokens, beginning);
        return mismatch < 0 || mismatch == beginning.length;
    }

    private static int[] texts(CacheHarness cache, Object conversation, int max, int... prompt) {
        try (CacheSession session = cache.begin(conversation, prompt)) {
            return session.knownTexts(max);
        }
    }

    @Test
    void whatOtherPromptsWentOnWithIsKnownBesideThem() {
        CacheHarness cache = CacheHarness.of(1 << 20, Kind.SLICEABLE);
        cache.run("ann", PROMPT, new int[] {7, 8, 9}, Outcome.FINISHED);
        cache.run("bob", new int[] {70, 71, 72}, new int[] {5, 6}, Outcome.FINISHED);

        int[] all = texts(cache, "cid", 1000, 90, 91, 92);
        assertThat(all).as("the newest at the end").endsWith(70, 71, 72, 5, 6, KnownTexts.END);
        assertThat(all).startsWith(PROMPT).containsSequence(39, 7, 8, 9, KnownTexts.END);

        assertThat(Arrays.stream(texts(cache, "dan", 1000, PROMPT)).boxed())
                .as("its own prompt is not beside it, but the answer to it is")
                .doesNotContainSequence(0, 1, 2, 3)
                .containsSequence(38, 39, 7, 8, 9, KnownTexts.END);
        assertThat(texts(cache, "eve", 20, 90, 91, 92))
                .as("no more than wanted")
                .hasSizeLessThanOrEqualTo(20);
        cache.close();
    }

    @Test
    void isolatedConversationsKnowNoTextsOfOthers() {
        CacheHarness cache = CacheHarness.of(1 << 20, Kind.SLICEABLE);
        cache.isolation = Isolation.PER_MEMORY_ID;
        cache.run("ann", PROMPT, new int[] {7, 8, 9}, Outcome.FINISHED);

        assertThat(texts(cache, "bob", 1000, 90, 91)).isEmpty();
        assertThat(texts(cache, "ann", 1000, 90, 91)).containsSequence(7, 8, 9);
        cache.close();
    }
}
