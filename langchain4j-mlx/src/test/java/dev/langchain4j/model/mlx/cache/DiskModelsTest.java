package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import dev.langchain4j.model.mlx.cache.disk.Keys;
import dev.langchain4j.model.mlx.cache.disk.SharedPrefixes;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Conversations over each architecture that has a tiny model, by processes that come one after the other and share
 * nothing but a folder: the tokens are those that are computed from the start, with whole chunks their logits bit for
 * bit.
 */
class DiskModelsTest {
    private static final String IDENTITY = "0123456789abcdef0123456789abcdef";
    private static final int CHUNK = 16;
    private static final int VOCABULARY = 150;
    private static final DiskLimits LIMITS = DiskLimits.ofBytes(1L << 30).idleBeforeWrite(Duration.ZERO);

    static final MemoryIdNames NAMES = new MemoryIdNames() {
        @Override
        public byte[] name(Object id) {
            return id instanceof String text ? text.getBytes(StandardCharsets.UTF_8) : null;
        }

        @Override
        public Object id(byte[] name) {
            return new String(name, StandardCharsets.UTF_8);
        }
    };

    @TempDir
    Path folder;

    static Stream<Path> models() throws IOException {
        return Goldens.modelsByLayers().stream().map(Goldens.folder("models")::resolve);
    }

    @ParameterizedTest
    @MethodSource("models")
    void whatWasComputedBeforeARestartIsNotComputedAgain(Path model) {
        check(model, KvFormat.PLAIN, null);
    }

    @Test
    void encryptedFilesToo() {
        check(Goldens.own("models/qwen3-q8"), KvFormat.PLAIN, new Keys());
    }

    static Stream<KvFormat> formats() {
        return Stream.of(new KvFormat(8, 32, 0, 0), new KvFormat(4, 32, 50, 0), new KvFormat(0, 64, 0, 48));
    }

    @ParameterizedTest
    @MethodSource("formats")
    void quantizedAndBoundedLayersToo(KvFormat format) {
        check(Goldens.own("models/qwen3-q8"), format, null);
    }

    static Stream<Path> wideHybrids() throws IOException {
        return Goldens.wideHybrids().stream().map(Goldens.own("kv-formats")::resolve);
    }

    @ParameterizedTest
    @MethodSource("wideHybrids")
    void quantizedLayersBesideOthersToo(Path model) {
        check(model, new KvFormat(4, 32, 50, 0), null);
    }

    private void check(Path model, KvFormat format, Keys keys) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("disk")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded =
                        ModelLoader.load(model, DType.FLOAT32).with(format);
                try {
                    processes(loaded.model(), folder.resolve("any"), 0, keys);
                    processes(loaded.model(), folder.resolve("grid"), CHUNK, keys);
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static void processes(LanguageModel model, Path root, int gridTokens, Keys keys) {
        Random random = new Random(7);
        int[] system = random.ints(40, 0, VOCABULARY).toArray();
        int[][] conversations = new int[3][];
        Arrays.setAll(
                conversations,
                i -> concat(system, random.ints(25, 0, VOCABULARY).toArray()));
        for (int process = 0; process < 3; process++) {
            Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
            DiskStore store = DiskStore.open(root, IDENTITY, LIMITS, DiskStore.Clock.SYSTEM, keys);
            DiskTier tier = new DiskTier(store, SharedPrefixes.none(), LIMITS, NAMES, tasks::add, 1, System::nanoTime);
            CacheLimits limits = new CacheLimits(1L << 40, Integer.MAX_VALUE, Duration.ofHours(1), 32);
            try (TrieCache cache = new TrieCache(limits, System::nanoTime, gridTokens)) {
                cache.keepOnDisk(tier);
                for (int c = 0; c < conversations.length; c++) {
                    int[] prompt = conversations[c];
                    float[][] computed = CacheModelsTest.cold(model, prompt);
                    float[][] reused = CacheModelsTest.warm(model, cache, prompt, "c" + c);
                    int[] expected = CacheModelsTest.likeliest(computed);
                    assertThat(CacheModelsTest.likeliest(reused))
                            .as("process %d, conversation %d", process, c)
                            .isEqualTo(expected);
                    if (gridTokens > 0) {
                        assertThat(reused).isDeepEqualTo(computed);
                    }
                    boolean rewritten = (process + c) % 3 == 0;
                    conversations[c] = concat(
                            rewritten ? Arrays.copyOf(prompt, 50) : concat(prompt, expected),
                            random.ints(1 + random.nextInt(20), 0, VOCABULARY).toArray());
                }
                DiskStats stats = tier.stats();
                assertThat(stats.misses()).isEmpty();
                assertThat(stats.reason()).isEmpty();
                if (process > 0) {
                    assertThat(stats.hits()).isPositive();
                    assertThat(stats.tokensRestored()).as("tokens from disk").isGreaterThanOrEqualTo(32);
                }
            }
            tier.close();
            assertThat(tier.stats().bytesWritten()).isPositive();
        }
    }
}
