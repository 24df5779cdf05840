package dev.langchain4j.model.mlx;

import static dev.langchain4j.model.mlx.testing.TokenIds.concat;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.PromptCacheStats;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * Sixteen threads over one model and a cache with room for a few conversations: mixed conversations, forks, cancels,
 * evictions. {@code -Dstress.seconds=N} says how long, {@code -Dseed=N} repeats the choices of each thread.
 */
class PromptCacheStressTest {
    private static final int THREADS = 16;
    private static final int CONVERSATIONS = 8;
    private static final int ROUNDS = 4;
    private static final long BYTES_MAX = 4L << 20;

    /** A prompt, and what a single thread without a cache answers. */
    private record Expected(int conversation, int[] prompt, int[] answer) {}

    private final AtomicLong finished = new AtomicLong();
    private final AtomicLong cancelled = new AtomicLong();

    private static MlxModel model(CacheLimits limits) {
        return WarmAndCold.model(limits, settings -> settings);
    }

    private static Engine.Handle submit(MlxModel model, int[] prompt, Object conversation, int maxTokens) {
        return model.engine().submit(WarmAndCold.request(prompt, conversation, maxTokens), piece -> {});
    }

    private static List<Expected> script(Random random) throws Exception {
        List<Expected> script = new ArrayList<>();
        int[] system = TokenIds.random(random, WarmAndCold.SYSTEM_TOKENS);
        try (MlxModel cold = model(WarmAndCold.NO_CACHE)) {
            for (int c = 0; c < CONVERSATIONS; c++) {
                int[] prompt = concat(system, TokenIds.random(random, 40));
                for (int round = 0; round < ROUNDS; round++) {
                    int[] answer = submit(cold, prompt, null, 4).result().get().generated();
                    script.add(new Expected(c, prompt, answer));
                    prompt = concat(prompt, answer, TokenIds.random(random, 20));
                }
            }
        }
        return script;
    }

    @Test
    void everyOutputIsThatOfASingleThreadAndNothingLeaks() throws Exception {
        long seed = Long.getLong("seed", 7);
        long handles = LiveHandles.count();
        List<Expected> script = script(new Random(seed));
        long end = System.nanoTime()
                + Duration.ofSeconds(Long.getLong("stress.seconds", 10)).toNanos();
        try (MlxModel warm = model(CacheLimits.ofBytes(BYTES_MAX))) {
            try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
                List<Future<?>> all = new ArrayList<>();
                for (int t = 0; t < THREADS; t++) {
                    Random random = new Random(seed * 100 + t);
                    all.add(threads.submit(() -> {
                        while (System.nanoTime() - end < 0) {
                            operate(warm, script, random);
                        }
                        return null;
                    }));
                }
                for (Future<?> one : all) {
                    one.get();
                }
            }
            PromptCacheStats stats = warm.promptCache().stats();
            System.out.printf(
                    "stress, seed %d: %d answers, %d cancelled, %d of %d prompt tokens reused, %d folds, %d evictions%n",
                    seed,
                    finished.get(),
                    cancelled.get(),
                    stats.cachedTokens(),
                    stats.promptTokens(),
                    stats.folds(),
                    stats.tiers().values().stream()
                            .mapToLong(PromptCacheStats.TierStats::evictions)
                            .sum());
            assertThat(stats.bytesRunning()).isZero();
            assertThat(stats.cachedTokens()).isPositive();
            assertThat(finished.get()).isPositive();
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private void operate(MlxModel warm, List<Expected> script, Random random) throws Exception {
        Expected one = script.get(random.nextInt(script.size()));
        String id = "c" + one.conversation;
        switch (random.nextInt(10)) {
            case 0 -> warm.promptCache().evict(id).join();
            case 1 -> warm.promptCache().fork(id, id + "." + random.nextInt(3)).join();
            case 2, 3 -> {
                Engine.Handle handle = submit(warm, one.prompt, id, 60);
                Thread.sleep(random.nextInt(20));
                handle.cancel();
                cancelled.incrementAndGet();
                check(one, handle);
            }
            default -> {
                Object conversation = random.nextInt(5) == 0 ? null : id + (random.nextInt(4) == 0 ? ".0" : "");
                check(one, submit(warm, one.prompt, conversation, 4));
                finished.incrementAndGet();
            }
        }
        assertThat(warm.promptCache().stats().bytesHeld()).isLessThanOrEqualTo(BYTES_MAX);
    }

    private static void check(Expected expected, Engine.Handle handle) throws Exception {
        int[] generated;
        try {
            generated = handle.result().get().generated();
        } catch (CancellationException e) {
            // It was cancelled before it began.
            return;
        }
        int common = Math.min(generated.length, expected.answer.length);
        assertThat(Arrays.copyOf(generated, common)).isEqualTo(Arrays.copyOf(expected.answer, common));
    }
}
