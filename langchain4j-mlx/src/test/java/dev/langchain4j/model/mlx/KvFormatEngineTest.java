package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Quantized and bounded KV caches under the prompt cache: what is reused gives the tokens of computing everything. */
class KvFormatEngineTest {
    private final long handles = LiveHandles.count();

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static UnaryOperator<MlxModel.Builder> settings(int bits, int start, int size) {
        return builder ->
                bits > 0 ? builder.kvBits(bits).kvGroupSize(32).quantizedKvStart(start) : builder.maxKvSize(size);
    }

    @ParameterizedTest
    @CsvSource({"8, 0, 0", "4, 0, 0", "4, 100, 0", "4, 190, 0", "0, 0, 48", "0, 0, 500"})
    void aToolLoopComputesItsNewTokensOnlyAndGetsTheTokensOfColdRuns(int bits, int start, int size) throws Exception {
        UnaryOperator<MlxModel.Builder> settings = settings(bits, start, size);
        try (MlxModel warm = WarmAndCold.model(CacheLimits.ofBytes(1L << 30), settings);
                MlxModel cold = WarmAndCold.model(WarmAndCold.NO_CACHE, settings)) {
            new WarmAndCold(warm, cold).toolLoop(4);
        }
    }

    @ParameterizedTest
    @CsvSource({"4, 0, 0, 2", "4, 100, 0, 3", "0, 0, 48, 4"})
    void warmRunsEqualColdRunsOverRandomLoopsWithBranchesAndPressure(int bits, int start, int size, long seed)
            throws Exception {
        UnaryOperator<MlxModel.Builder> settings = settings(bits, start, size);
        try (MlxModel warm = WarmAndCold.model(CacheLimits.ofBytes(2L << 20), settings);
                MlxModel cold = WarmAndCold.model(WarmAndCold.NO_CACHE, settings)) {
            new WarmAndCold(warm, cold).randomLoops(3, 12, seed);
            assertThat(warm.promptCache().stats().cachedTokens()).isPositive();
        }
    }

    @Test
    void quantizedAndBoundedCachesTakeTheBytesThatTheyPromise() throws Exception {
        int[] prompt = TokenIds.random(new Random(3), 600);
        long plain = held(prompt, b -> b);
        assertThat(held(prompt, b -> b.kvBits(8).kvGroupSize(32))).isBetween(plain / 4, plain * 36 / 100);
        assertThat(held(prompt, b -> b.kvBits(4).kvGroupSize(32))).isBetween(plain / 8, plain * 23 / 100);
        assertThat(held(prompt, b -> b.maxKvSize(64))).isLessThan(plain / 2);
    }

    private static long held(int[] prompt, UnaryOperator<MlxModel.Builder> settings) throws Exception {
        try (MlxModel model = WarmAndCold.model(CacheLimits.ofBytes(1L << 30), settings)) {
            WarmAndCold.generate(model, prompt, "one");
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
        assertThatThrownBy(() -> WarmAndCold.model(WarmAndCold.NO_CACHE, b -> b.kvBits(bits)
                        .kvGroupSize(group)
                        .quantizedKvStart(start)
                        .maxKvSize(size)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @CsvSource({
        "gemma3_text, heads of 16 key dimensions",
        "gpt_oss, heads of 16 key dimensions",
        "deepseek_v3, latent vectors",
        "deepseek_v32, latent vectors"
    })
    void headsThatAreNoMultipleOfAGroupAndLatentVectorsAreRefused(String name, String reason) {
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
