package dev.langchain4j.model.mlx;

import static dev.langchain4j.model.mlx.testing.Feed.feed;
import static dev.langchain4j.model.mlx.testing.Feed.gap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tokens that were fed behind a mark and cut off again leave no trace in the layers, for each architecture and kind of
 * KV cache: what comes next has the logits of a sequence that was never fed them, and so has what resumes from it.
 */
class CutBackTest {
    private static final int VOCABULARY = 160;
    private static final int LENGTH = 48;

    static List<String> folders() throws IOException {
        return Goldens.models();
    }

    @ParameterizedTest
    @MethodSource("folders")
    void asIfNeverFed(String name) {
        check(name, Goldens.folder("models").resolve(name), KvFormat.PLAIN);
    }

    @ParameterizedTest
    @CsvSource({"8, 0, 0", "8, 20, 0", "0, 0, 9", "0, 0, 24", "0, 0, 400"})
    void asIfNeverFedToQuantizedAndBoundedCaches(int bits, int start, int size) {
        check("nvfp", DemoModel.folder(), new KvFormat(bits, 32, start, size));
    }

    static List<String> wideHybrids() throws IOException {
        return Goldens.wideHybrids();
    }

    @ParameterizedTest
    @MethodSource("wideHybrids")
    void asIfNeverFedToQuantizedCachesBesideOthers(String name) {
        for (int start : new int[] {0, 20}) {
            check("nvfp " + name, Goldens.own("kv-formats").resolve(name), new KvFormat(8, 32, start, 0));
        }
    }

    private static void check(String name, Path folder, KvFormat format) {
        long seed = Seeds.seed(CutBackTest.class) + name.hashCode();
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("cut")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded =
                        ModelLoader.load(folder, DType.FLOAT32).with(format);
                try {
                    check(name, loaded.model(), new Random(seed));
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static void check(String name, LanguageModel model, Random random) {
        int[] tokens = random.ints(LENGTH, 0, VOCABULARY).toArray();
        List<LayerCache> layers = model.newLayers();
        List<LayerCache> plain = model.newLayers();
        try {
            while (layers.getFirst().offset() < LENGTH - 1) {
                step(model, layers, tokens, random);
                int fed = layers.getFirst().offset();
                float[] next = feed(model, layers, tokens[fed]);
                feedUpTo(model, plain, tokens, fed);
                assertSame(name, next, feed(model, plain, tokens[fed]), "behind " + fed);
            }
            assertSame(name, resumed(model, layers), feed(model, plain, 3), "resumed");
        } finally {
            layers.forEach(LayerCache::close);
            plain.forEach(LayerCache::close);
        }
    }

    private static void feedUpTo(LanguageModel model, List<LayerCache> layers, int[] tokens, int end) {
        for (int start = layers.getFirst().offset();
                start < end;
                start = layers.getFirst().offset()) {
            feed(model, layers, Arrays.copyOfRange(tokens, start, Math.min(end, limit(layers))));
        }
    }

    private static int limit(List<LayerCache> layers) {
        return layers.stream().mapToInt(LayerCache::chunkLimit).min().orElseThrow();
    }

    /** Feeds right tokens and then wrong ones, and cuts the layers back to the right ones. */
    private static void step(LanguageModel model, List<LayerCache> layers, int[] tokens, Random random) {
        int start = layers.getFirst().offset();
        int fed = Math.min(limit(layers) - start, 1 + random.nextInt(random.nextInt(6) == 0 ? 20 : 6));
        int right = Math.min(LENGTH - 1 - start, random.nextInt(fed + 1));
        int[] all = random.ints(fed, 0, VOCABULARY).toArray();
        System.arraycopy(tokens, start, all, 0, right);
        layers.forEach(layer -> layer.mark(fed));
        int first = random.nextInt(fed);
        if (first > 0) {
            feed(model, layers, Arrays.copyOf(all, first));
        }
        feed(model, layers, Arrays.copyOfRange(all, first, fed));
        layers.forEach(layer -> layer.trimTo(start + right));
    }

    private static float[] resumed(LanguageModel model, List<LayerCache> layers) {
        List<LayerCache> others = model.newLayers();
        List<Snapshot> snapshots = new ArrayList<>();
        try {
            int end = layers.getFirst().offset();
            for (int i = 0; i < layers.size(); i++) {
                LayerCache layer = layers.get(i);
                snapshots.add(layer.sliceable() ? layer.slice(0, end) : layer.state());
                others.get(i).restore(snapshots.get(i));
            }
            return feed(model, others, 3);
        } finally {
            snapshots.forEach(Snapshot::close);
            others.forEach(LayerCache::close);
        }
    }

    private static void assertSame(String name, float[] got, float[] want, String how) {
        boolean rounds = name.contains("mxfp") || name.contains("nvfp");
        assertThat(gap(got, want)).as("%s, %s", name, how).isCloseTo(0, within(rounds ? 3e-2 : 1e-3));
    }
}
