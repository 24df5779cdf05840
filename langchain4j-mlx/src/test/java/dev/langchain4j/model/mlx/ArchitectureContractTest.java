package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.cache.LayerCache;
import dev.langchain4j.model.mlx.cache.Snapshot;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelLoader;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the prompt cache relies on, for each architecture: a sequence can be kept at any position and resumed there. */
class ArchitectureContractTest {
    private static final int[] TOKENS =
            new java.util.Random(11).ints(40, 0, 160).toArray();

    static List<String> folders() throws IOException {
        try (Stream<Path> all = Files.list(Goldens.folder("models"))) {
            return all.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("folders")
    void resumingFromWhatWasKeptIsLikeComputingAgain(String name) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("contract")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded =
                        ModelLoader.load(Goldens.folder("models").resolve(name), DType.FLOAT32);
                try {
                    float[] whole = fromScratch(loaded.model(), TOKENS);
                    for (int kept : new int[] {1, 6, 8, 17, 33}) {
                        assertThat(gap(resumed(loaded.model(), kept), whole))
                                .as("kept at %d", kept)
                                .isCloseTo(0, within(name.contains("mxfp") ? 3e-2 : 1e-3));
                    }
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static float[] fromScratch(LanguageModel model, int[] tokens) {
        List<LayerCache> layers = model.newLayers();
        try {
            return feed(model, layers, tokens);
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    /** The last logits of a sequence put together from what another one kept before it went elsewhere. */
    private static float[] resumed(LanguageModel model, int kept) {
        List<LayerCache> first = model.newLayers();
        List<LayerCache> second = model.newLayers();
        List<Snapshot> snapshots = new ArrayList<>();
        try {
            feed(model, first, Arrays.copyOf(TOKENS, kept));
            for (LayerCache layer : first) {
                snapshots.add(layer.sliceable() ? layer.slice(0, kept) : layer.state());
            }
            feed(model, first, new int[] {3, 1, 4, 1, 5});
            for (int i = 0; i < second.size(); i++) {
                second.get(i).restore(snapshots.get(i));
                assertThat(second.get(i).offset()).isEqualTo(kept);
            }
            return feed(model, second, Arrays.copyOfRange(TOKENS, kept, TOKENS.length));
        } finally {
            snapshots.forEach(Snapshot::close);
            first.forEach(LayerCache::close);
            second.forEach(LayerCache::close);
        }
    }

    private static float[] feed(LanguageModel model, List<LayerCache> layers, int[] tokens) {
        MlxArray result;
        try (Scope scope = Scope.open()) {
            MlxArray hidden = model.forward(MlxArray.of(tokens, 1, tokens.length), layers);
            result = model.logits(hidden).detach();
        }
        try (result) {
            Eval.eval(layers.stream()
                    .flatMap(layer -> Arrays.stream(layer.buffers()))
                    .toArray(MlxArray[]::new));
            float[] all = result.toFloats();
            return Arrays.copyOfRange(all, all.length - model.vocabularySize(), all.length);
        }
    }

    private static double gap(float[] a, float[] b) {
        double gap = 0;
        for (int i = 0; i < a.length; i++) {
            gap = Math.max(gap, Math.abs(a[i] - b[i]));
        }
        return gap;
    }
}
