package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.PromptCacheStats;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.util.ArrayList;
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
    /** Bytes of one or two of the conversations here. */
    private static final long SMALL = 4L << 20;

    private static long handlesBefore;
    private static MlxModel cold;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        cold = model(WarmAndCold.NO_CACHE);
    }

    @AfterAll
    static void nothingIsLeft() {
        cold.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static MlxModel model(CacheLimits limits) {
        return WarmAndCold.model(limits, settings -> settings);
    }

    @Test
    void everyRoundOfAToolLoopComputesItsNewTokensOnlyAndCopiesNothing() throws Exception {
        try (MlxModel warm = model(CacheLimits.ofBytes(1L << 30))) {
            new WarmAndCold(warm, cold).toolLoop(5);
            assertThat(warm.promptCache().stats().bytesCopied()).isZero();
            assertThat(warm.promptCache().stats().bytesRunning()).isZero();
        }
    }

    @Test
    void warmRunsEqualColdRunsOverRandomLoopsWithAndWithoutPressure() throws Exception {
        for (long seed = 1; seed <= 2; seed++) {
            try (MlxModel warm = model(CacheLimits.ofBytes(seed % 2 == 0 ? 1L << 30 : SMALL))) {
                new WarmAndCold(warm, cold).randomLoops(4, 16, seed);
                PromptCacheStats stats = warm.promptCache().stats();
                assertThat(stats.cachedTokens()).isPositive();
                assertThat(stats.bytesHeld()).isLessThanOrEqualTo(seed % 2 == 0 ? 1L << 30 : SMALL);
            }
        }
    }

    @Test
    void manyThreadsWithCancelsForksAndEvictionsGetTheTokensOfASingleOne() throws Exception {
        int[] system = TokenIds.random(new Random(5), WarmAndCold.SYSTEM_TOKENS);
        try (MlxModel warm = model(CacheLimits.ofBytes(2 * SMALL));
                var threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> all = new ArrayList<>();
            WarmAndCold both = new WarmAndCold(warm, cold);
            IntStream.range(0, 4)
                    .forEach(t -> all.add(threads.submit(() -> {
                        Random random = new Random(t);
                        int[] prompt = TokenIds.concat(system, TokenIds.random(random, 30));
                        for (int round = 0; round < 4; round++) {
                            if (random.nextInt(4) == 0) {
                                warm.engine()
                                        .submit(WarmAndCold.request(prompt, "t" + t, 50), piece -> {})
                                        .cancel();
                                warm.promptCache().evict("t" + random.nextInt(4));
                            }
                            if (random.nextInt(4) == 0) {
                                warm.promptCache().fork("t" + t, "t" + t + "." + round);
                            }
                            GenerationResult result = both.same(prompt, "t" + t, "thread %d, round %d", t, round);
                            assertThat(warm.promptCache().stats().bytesHeld()).isLessThanOrEqualTo(2 * SMALL);
                            prompt = TokenIds.concat(prompt, result.generated(), TokenIds.random(random, 20));
                        }
                        return null;
                    })));
            for (Future<?> one : all) {
                one.get();
            }
        }
    }
}
