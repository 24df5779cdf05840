package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.KvFormat;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.generate.GenerationListener;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.model.ModelLoader;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Quantized and bounded KV caches under the prompt cache: what is reused gives the tokens of computing everything. */
class KvFormatEngineTest {
    private static final int SYSTEM_TOKENS = 80;
    private static final CacheLimits NO_CACHE = new CacheLimits(0, 0, Duration.ZERO, 1024);
    private static final GenerationListener TOOL_CALL = new GenerationListener() {
        @Override
        public void onText(String text) {}

        @Override
        public Outcome onEnd() {
            return Outcome.TOOL_CALL;
        }
    };

    private final long handles = LiveHandles.count();

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static MlxModel model(CacheLimits limits, UnaryOperator<MlxModel.Builder> settings) {
        return settings.apply(MlxModel.builder().path(DemoModel.folder()))
                .prefillChunkTokens(64)
                .cacheLimits(limits)
                .build();
    }

    private static GenerationResult generate(MlxModel model, int[] prompt, String conversation) throws Exception {
        List<Boundary> boundaries = List.of(new Boundary(SYSTEM_TOKENS, Tier.SYSTEM));
        GenerationRequest request = new GenerationRequest(
                prompt, boundaries, conversation, Isolation.SHARED, Sampling.GREEDY, 6, List.of());
        return model.engine().submit(request, TOOL_CALL).result().get();
    }

    private static int[] tokens(Random random, int count) {
        return random.ints(count, 10, 500).toArray();
    }

    private static int[] concat(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    private static UnaryOperator<MlxModel.Builder> settings(int bits, int start, int size) {
        return builder ->
                bits > 0 ? builder.kvBits(bits).kvGroupSize(32).quantizedKvStart(start) : builder.maxKvSize(size);
    }

    @ParameterizedTest
    @CsvSource({"8, 0, 0", "4, 0, 0", "4, 100, 0", "4, 190, 0", "0, 0, 48", "0, 0, 500"})
    void aToolLoopComputesItsNewTokensOnlyAndGetsTheTokensOfColdRuns(int bits, int start, int size) throws Exception {
        UnaryOperator<MlxModel.Builder> settings = settings(bits, start, size);
        Random random = new Random(1);
        int[] prompt = tokens(random, SYSTEM_TOKENS + 50);
        try (MlxModel warm = model(CacheLimits.ofBytes(1L << 30), settings);
                MlxModel cold = model(NO_CACHE, settings)) {
            int held = 0;
            for (int round = 0; round < 4; round++) {
                GenerationResult result = generate(warm, prompt, "agent");
                assertThat(result.generated())
                        .as("round %d", round)
                        .isEqualTo(generate(cold, prompt, null).generated());
                assertThat(result.plan().resumePosition()).isEqualTo(held);
                assertThat(result.plan().reason()).isEqualTo(round == 0 ? Reason.NEW : Reason.CONTINUED);
                int unfed = result.end() == GenerationResult.End.LENGTH ? 1 : 0;
                held = prompt.length + result.generated().length - unfed;
                prompt = concat(prompt, result.generated(), tokens(random, 40));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"4, 0, 0, 2", "4, 100, 0, 3", "0, 0, 48, 4"})
    void warmRunsEqualColdRunsOverRandomLoopsWithBranchesAndPressure(int bits, int start, int size, long seed)
            throws Exception {
        UnaryOperator<MlxModel.Builder> settings = settings(bits, start, size);
        Random random = new Random(seed);
        try (MlxModel warm = model(CacheLimits.ofBytes(2L << 20), settings);
                MlxModel cold = model(NO_CACHE, settings)) {
            int[] system = tokens(random, SYSTEM_TOKENS);
            int[][] conversations = new int[3][];
            Arrays.setAll(conversations, i -> concat(system, tokens(random, 20 + random.nextInt(60))));
            for (int request = 0; request < 12; request++) {
                int c = random.nextInt(conversations.length);
                int[] prompt = conversations[c];
                GenerationResult result = generate(warm, prompt, random.nextInt(4) == 0 ? null : "c" + c);
                assertThat(result.generated())
                        .as("seed %d, request %d, %s", seed, request, result.plan())
                        .isEqualTo(generate(cold, prompt, null).generated());
                int keep = random.nextInt(3) == 0 ? SYSTEM_TOKENS + random.nextInt(prompt.length - SYSTEM_TOKENS) : -1;
                int[] whole = concat(prompt, result.generated());
                conversations[c] =
                        concat(keep < 0 ? whole : Arrays.copyOf(prompt, keep), tokens(random, 1 + random.nextInt(60)));
            }
            assertThat(warm.promptCache().stats().cachedTokens()).isPositive();
        }
    }

    @Test
    void quantizedAndBoundedCachesTakeTheBytesThatTheyPromise() throws Exception {
        int[] prompt = tokens(new Random(3), 600);
        long plain = held(prompt, b -> b);
        assertThat(held(prompt, b -> b.kvBits(8).kvGroupSize(32))).isBetween(plain / 4, plain * 36 / 100);
        assertThat(held(prompt, b -> b.kvBits(4).kvGroupSize(32))).isBetween(plain / 8, plain * 23 / 100);
        assertThat(held(prompt, b -> b.maxKvSize(64))).isLessThan(plain / 2);
    }

    private static long held(int[] prompt, UnaryOperator<MlxModel.Builder> settings) throws Exception {
        try (MlxModel model = model(CacheLimits.ofBytes(1L << 30), settings)) {
            generate(model, prompt, "one");
            return model.promptCache().stats().bytesHeld();
        }
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            delimiter = '|',
            value = {
                "7 | - | - | - | kvBits (7) must be one of",
                "4 | 48 | - | - | kvGroupSize (48) must be one of",
                "4 | - | -1 | - | quantizedKvStart (-1)",
                "- | - | - | 4 | maxKvSize (4) must be at least 5",
                "- | - | - | -9 | maxKvSize (-9)",
                "4 | 32 | - | 64 | must not be set together",
                "4 | 128 | - | - | in groups of 128",
            })
    void settingsThatCannotWorkAreRefused(Integer bits, Integer group, Integer start, Integer size, String reason) {
        assertThatThrownBy(() -> model(NO_CACHE, b -> b.kvBits(bits)
                        .kvGroupSize(group)
                        .quantizedKvStart(start)
                        .maxKvSize(size)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @CsvSource({"gemma3_text, sliding window", "gpt_oss, sliding window", "deepseek_v3, keys and values themselves"})
    void architecturesWhoseCachesMlxLmCannotQuantizeAreRefused(String name, String reason) {
        try (MlxThread thread = MlxThread.start("refuse")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded = ModelLoader.load(Goldens.own("models/" + name), DType.FLOAT32);
                try {
                    assertThatThrownBy(() -> loaded.with(new KvFormat(4, 32, 0, 0)))
                            .isInstanceOf(InvalidRequestException.class)
                            .hasMessageContaining("kvBits (4) does not fit model_type " + name)
                            .hasMessageContaining(reason);
                } finally {
                    loaded.weights().close();
                }
            });
        }
    }
}
