package dev.langchain4j.model.mlx.arch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Sight;
import dev.langchain4j.model.mlx.kv.Sight.Patch;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Towers compute what transformers computes, and language models go on from it: folders in the layout that transformers
 * saves, with settings that the families' real models do not have.
 */
class TowerGoldenTest {
    private static final int IMAGE = 8;

    private interface Use {
        void of(ModelLoader.Loaded loaded, Map<String, MlxArray> golden);
    }

    /** Loads a folder and its golden on a thread of their own. */
    private static void with(String name, DType type, Use use) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("towers")) {
            thread.run(() -> {
                Path folder = Goldens.own("towers").resolve(name);
                ModelLoader.Loaded loaded = ModelLoader.load(folder, type);
                try (Scope scope = Scope.open()) {
                    use.of(loaded, Safetensors.load(folder.resolve("golden.safetensors")));
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma3", "gemma4", "gemma4-shared", "idefics3", "idefics3-tied", "llava", "mistral3"})
    void towersAndLanguageModelsComputeWhatTransformersComputes(String name) {
        with(name, DType.FLOAT32, (loaded, golden) -> {
            MlxArray features = features(loaded, golden);
            compare("features", features, golden.get("features"), 1e-4);
            compare("logits", logits(loaded, golden, features, true), golden.get("logits"), 1e-3);
        });
    }

    /** What is of single precision on the way does not make the features so. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma3", "gemma4", "gemma4-shared", "idefics3", "llava", "mistral3"})
    void featuresHaveTheTypeOfTheWeights(String name) {
        with(name, null, (loaded, golden) -> {
            MlxArray features = features(loaded, golden);
            assertThat(features.dtype()).isEqualTo(DType.BFLOAT16);
            compare("features", features, golden.get("features"), 0.25);
        });
    }

    /** Were the tokens of a picture pictures of their own, none would see another ahead of it. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma3", "gemma4"})
    void tokensOfAPictureSeeEachOther(String name) {
        with(name, DType.FLOAT32, (loaded, golden) -> {
            float[] alone = lastRow(logits(loaded, golden, features(loaded, golden), false));
            float[] wanted = lastRow(golden.get("logits"));
            double gap = 0;
            for (int i = 0; i < wanted.length; i++) {
                gap = Math.max(gap, Math.abs(alone[i] - wanted[i]));
            }
            System.out.printf("%s: a causal mask moves the last logits by up to %.2f%n", name, gap);
            assertThat(gap).isGreaterThan(0.1);
        });
    }

    private static float[] lastRow(MlxArray logits) {
        int rows = logits.dim(1);
        return Indexing.contiguous(Indexing.slice(logits, 1, rows - 1, rows)).toFloats();
    }

    private static MlxArray features(ModelLoader.Loaded loaded, Map<String, MlxArray> golden) {
        List<MlxArray> rows = new ArrayList<>();
        for (int i = 0; golden.containsKey("pixels." + i); i++) {
            rows.add(loaded.tower().encode(image(golden.get("pixels." + i))).rows());
        }
        return Indexing.concatenate(0, rows.toArray(MlxArray[]::new));
    }

    private static ProcessedImage image(MlxArray pixels) {
        int[] shape = pixels.shape();
        int last = shape.length - 1;
        return new ProcessedImage(pixels.toFloats(), shape, new int[0], shape[last - 1], shape[last], 0, "");
    }

    /** Logits of the prompt; {@code together} says whether neighbouring tokens of pictures belong to one. */
    private static MlxArray logits(
            ModelLoader.Loaded loaded, Map<String, MlxArray> golden, MlxArray rows, boolean together) {
        int[] prompt = golden.get("prompt").toInts();
        List<Patch> patches = new ArrayList<>();
        int used = 0;
        for (int i = 0; i < prompt.length; i++) {
            int start = i;
            while (prompt[i] == IMAGE && (together || i == start)) {
                i++;
            }
            if (i > start) {
                patches.add(new Patch(start, Indexing.slice(rows, 0, used, used + i - start), List.of()));
                used += i - start;
                i--;
            }
        }
        List<LayerCache> layers = loaded.model().newLayers();
        try {
            Spans spans = Spans.of(layers, prompt.length, new Sight(0, null, patches));
            MlxArray hidden = loaded.model().forward(MlxArray.of(prompt, 1, prompt.length), spans);
            return loaded.model().logits(hidden).eval();
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    private static void compare(String what, MlxArray got, MlxArray want, double limit) {
        assertThat(got.shape()).as(what).isEqualTo(want.shape());
        float[] numbers = got.toFloats();
        float[] wanted = want.toFloats();
        for (int i = 0; i < wanted.length; i++) {
            assertThat((double) numbers[i]).as("%s %d", what, i).isCloseTo(wanted[i], within(limit));
        }
    }
}
