package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import dev.langchain4j.model.mlx.cache.disk.Section;
import dev.langchain4j.model.mlx.cache.disk.SharedPrefixes;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Arrays from a file whose checksums are right are taken only where a layer of the model keeps such arrays. */
class LayerFormsTest {
    private static final String IDENTITY = "0123456789abcdef0123456789abcdef";

    @TempDir
    Path folder;

    private static void feed(LanguageModel model, List<LayerCache> layers, int tokens) {
        for (int i = 0; i < tokens; i++) {
            try (Scope scope = Scope.open()) {
                model.forward(MlxArray.of(new int[] {1 + i}, 1, 1), layers);
            }
        }
        Eval.eval(LayerCache.buffers(layers));
    }

    private static LayerForms forms(LanguageModel model) {
        List<LayerCache> layers = model.newLayers();
        try {
            return LayerForms.of(layers, () -> feed(model, layers, 1));
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    private static void withModel(Path folder, Consumer<LanguageModel> test) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("forms")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded = ModelLoader.load(folder, DType.FLOAT32);
                try {
                    test.accept(loaded.model());
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    static Stream<Path> models() throws IOException {
        return Goldens.modelsByLayers().stream().map(Goldens.folder("models")::resolve);
    }

    @ParameterizedTest
    @MethodSource("models")
    void anArrayOfAnotherFormIsNoSnapshotOfAnEmptyLayer(Path folder) {
        withModel(folder, model -> {
            ArrayCodec codec = new ArrayCodec();
            codec.expect(forms(model));
            List<LayerCache> written = model.newLayers();
            List<LayerCache> empty = model.newLayers();
            try {
                feed(model, written, 5);
                for (int i = 0; i < written.size(); i++) {
                    LayerCache layer = written.get(i);
                    List<Section> sections = new ArrayList<>();
                    try (Snapshot kept = layer.sliceable() ? layer.slice(0, 5) : layer.state()) {
                        codec.encode(i, kept, sections);
                    }
                    codec.decode(empty.get(i), 0, 5, sections).close();
                    for (int k = 0; k < sections.size(); k++) {
                        List<Section> others = new ArrayList<>(sections);
                        others.set(k, halved(sections.get(k)));
                        LayerCache to = empty.get(i);
                        assertThatThrownBy(() -> codec.decode(to, 0, 5, others))
                                .as("layer %d, array %d", i, k)
                                .isInstanceOf(IllegalArgumentException.class)
                                .hasMessageContaining("does not fit");
                    }
                }
            } finally {
                written.forEach(LayerCache::close);
                empty.forEach(LayerCache::close);
            }
        });
    }

    /** As many numbers of another shape: twice the second dimension, half the last one. */
    private static Section halved(Section section) {
        int[] shape = section.shape().clone();
        int last = shape.length - 1;
        shape[last] = shape[last] / 2;
        shape[1] *= 2;
        return new Section(section.layer(), section.slot(), section.type(), shape, section.bytes());
    }

    @Test
    void whatAnotherModelWroteIsAMiss() {
        int[] prompt = new Random(7).ints(60, 0, 150).toArray();
        Path wide = RandomModel.write(folder.resolve("wide"), "x", List.of(), 1, 64, 1);
        Path narrow = RandomModel.write(folder.resolve("narrow"), "x", List.of(), 1, 32, 1);
        DiskStats wrote = run(wide, prompt);
        assertThat(wrote.misses()).isEmpty();
        DiskStats read = run(narrow, prompt);
        assertThat(read.tokensRestored()).isZero();
        assertThat(read.misses()).containsOnlyKeys("does not fit");
        DiskStats again = run(narrow, prompt);
        assertThat(again.misses()).isEmpty();
        assertThat(again.tokensRestored())
                .as("what it wrote itself, in the place of the other's")
                .isPositive();
    }

    /** A prompt over a folder that another process may have left. */
    private DiskStats run(Path model, int[] prompt) {
        List<DiskStats> stats = new ArrayList<>();
        withModel(model, loaded -> {
            DiskLimits limits = DiskLimits.ofBytes(1L << 30).idleBeforeWrite(Duration.ZERO);
            Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
            DiskStore store = DiskStore.open(folder.resolve("disk"), IDENTITY, limits, DiskStore.Clock.SYSTEM);
            DiskTier tier = new DiskTier(
                    store, SharedPrefixes.none(), limits, DiskModelsTest.NAMES, tasks::add, 1, System::nanoTime);
            tier.expect(forms(loaded));
            try (TrieCache cache = new TrieCache(CacheLimits.ofBytes(1L << 30), System::nanoTime)) {
                cache.keepOnDisk(tier);
                float[][] warm = CacheModelsTest.warm(loaded, cache, prompt, "c");
                assertThat(CacheModelsTest.likeliest(warm))
                        .isEqualTo(CacheModelsTest.likeliest(CacheModelsTest.cold(loaded, prompt)));
                stats.add(tier.stats());
            }
            tier.close();
        });
        return stats.getFirst();
    }
}
