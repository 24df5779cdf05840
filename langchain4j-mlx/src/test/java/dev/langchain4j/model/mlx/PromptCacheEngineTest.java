package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.PromptCacheStats;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.generate.GenerationListener;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The prompt cache over real layers: what is reused gives the same tokens as computing everything. */
class PromptCacheEngineTest {
    private static final int SYSTEM_TOKENS = 80;
    /** Bytes of one or two of the conversations here. */
    private static final long SMALL = 4L << 20;

    private static long handlesBefore;
    private static MlxModel cold;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        cold = model(new CacheLimits(0, 0, Duration.ZERO, 1024));
    }

    @AfterAll
    static void nothingIsLeft() {
        cold.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static MlxModel model(CacheLimits limits) {
        return MlxModel.builder()
                .path(DemoModel.folder())
                .prefillChunkTokens(64)
                .cacheLimits(limits)
                .build();
    }

    private static GenerationRequest request(int[] prompt, Object conversation, int maxTokens) {
        List<Boundary> boundaries = List.of(new Boundary(Math.min(SYSTEM_TOKENS, prompt.length), Tier.SYSTEM));
        return new GenerationRequest(
                prompt, boundaries, conversation, Isolation.SHARED, Sampling.GREEDY, maxTokens, List.of());
    }

    private static GenerationResult generate(MlxModel model, int[] prompt, Object conversation) throws Exception {
        GenerationListener toolCall = new GenerationListener() {
            @Override
            public void onText(String text) {}

            @Override
            public Outcome onEnd() {
                return Outcome.TOOL_CALL;
            }
        };
        return model.engine()
                .submit(request(prompt, conversation, 6), toolCall)
                .result()
                .get();
    }

    private static int[] tokens(Random random, int count) {
        return random.ints(count, 10, 500).toArray();
    }

    private static int[] concat(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    @Test
    void everyRoundOfAToolLoopComputesItsNewTokensOnlyAndCopiesNothing() throws Exception {
        Random random = new Random(1);
        int[] prompt = tokens(random, SYSTEM_TOKENS + 50);
        try (MlxModel warm = model(CacheLimits.ofBytes(1L << 30))) {
            int held = 0;
            for (int round = 0; round < 5; round++) {
                GenerationResult result = generate(warm, prompt, "agent");
                assertThat(result.generated())
                        .as("round %d", round)
                        .isEqualTo(generate(cold, prompt, null).generated());
                assertThat(result.plan().resumePosition()).isEqualTo(held);
                assertThat(result.plan().reason()).isEqualTo(round == 0 ? Reason.NEW : Reason.CONTINUED);
                // The last token of an answer that was cut short is not fed.
                int unfed = result.end() == GenerationResult.End.LENGTH ? 1 : 0;
                held = prompt.length + result.generated().length - unfed;
                prompt = concat(prompt, result.generated(), tokens(random, 40));
            }
            assertThat(warm.promptCache().stats().bytesCopied()).isZero();
            assertThat(warm.promptCache().stats().bytesRunning()).isZero();
        }
    }

    @Test
    void warmRunsEqualColdRunsOverRandomLoopsWithAndWithoutPressure() throws Exception {
        for (long seed = 1; seed <= 2; seed++) {
            try (MlxModel warm = model(CacheLimits.ofBytes(seed % 2 == 0 ? 1L << 30 : SMALL))) {
                randomLoops(warm, new Random(seed), seed);
                PromptCacheStats stats = warm.promptCache().stats();
                assertThat(stats.cachedTokens()).isPositive();
                assertThat(stats.bytesHeld()).isLessThanOrEqualTo(seed % 2 == 0 ? 1L << 30 : SMALL);
            }
        }
    }

    private static void randomLoops(MlxModel warm, Random random, long seed) throws Exception {
        int[] system = tokens(random, SYSTEM_TOKENS);
        int[][] conversations = new int[4][];
        Arrays.setAll(conversations, i -> concat(system, tokens(random, 20 + random.nextInt(60))));
        for (int request = 0; request < 16; request++) {
            int c = random.nextInt(conversations.length);
            int[] prompt = conversations[c];
            Object id = random.nextInt(4) == 0 ? null : "c" + c;
            GenerationResult result = generate(warm, prompt, id);
            assertThat(result.generated())
                    .as("seed %d, request %d, %s", seed, request, result.plan())
                    .isEqualTo(generate(cold, prompt, null).generated());
            int keep = random.nextInt(3) == 0 ? SYSTEM_TOKENS + random.nextInt(prompt.length - SYSTEM_TOKENS) : -1;
            int[] start = keep < 0 ? concat(prompt, result.generated()) : Arrays.copyOf(prompt, keep);
            conversations[c] = concat(start, tokens(random, 1 + random.nextInt(60)));
        }
    }

    @Test
    void manyThreadsWithCancelsForksAndEvictionsGetTheTokensOfASingleOne() throws Exception {
        int[] system = tokens(new Random(5), SYSTEM_TOKENS);
        try (MlxModel warm = model(CacheLimits.ofBytes(2 * SMALL));
                var threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> all = new ArrayList<>();
            IntStream.range(0, 4)
                    .forEach(t -> all.add(threads.submit(() -> {
                        Random random = new Random(t);
                        int[] prompt = concat(system, tokens(random, 30));
                        for (int round = 0; round < 4; round++) {
                            if (random.nextInt(4) == 0) {
                                warm.engine()
                                        .submit(request(prompt, "t" + t, 50), piece -> {})
                                        .cancel();
                                warm.promptCache().evict("t" + random.nextInt(4));
                            }
                            if (random.nextInt(4) == 0) {
                                warm.promptCache().fork("t" + t, "t" + t + "." + round);
                            }
                            GenerationResult result = generate(warm, prompt, "t" + t);
                            assertThat(result.generated())
                                    .isEqualTo(generate(cold, prompt, null).generated());
                            assertThat(warm.promptCache().stats().bytesHeld()).isLessThanOrEqualTo(2 * SMALL);
                            prompt = concat(prompt, result.generated(), tokens(random, 20));
                        }
                        return null;
                    })));
            for (Future<?> one : all) {
                one.get();
            }
        }
    }
}
