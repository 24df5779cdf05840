package dev.langchain4j.model.mlx.arch;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Sight;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.vision.ImageFeatures;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Qwen's towers and the language models behind them in folders as transformers saves them, of settings that no released
 * model has ({@code make_qwen_towers.py}).
 */
class QwenVisionTest {
    private static final int IMAGE = 36;
    private static final float NUMBERS = 1e-4f;
    private static final Format FORMAT = new Format(32, 8, "affine");

    /** What is done with a folder's model on its thread. */
    private interface Use {
        void of(ModelLoader.Loaded loaded);
    }

    private static void use(Path folder, Use use) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("towers")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    ModelLoader.Loaded loaded = ModelLoader.load(folder, null);
                    try (var weights = loaded.weights()) {
                        use.of(loaded);
                    }
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static List<ImageFeatures> features(ModelLoader.Loaded loaded, Map<String, MlxArray> golden) {
        int[] grids = golden.get("grid_thw").toInts();
        List<ImageFeatures> features = new ArrayList<>();
        for (int i = 0; i < grids.length / 3; i++) {
            MlxArray pixels = golden.get("pixels." + i);
            int[] grid = Arrays.copyOfRange(grids, 3 * i, 3 * i + 3);
            features.add(
                    loaded.tower().encode(new ProcessedImage(pixels.toFloats(), pixels.shape(), grid, 0, 0, 0, "")));
        }
        return features;
    }

    private static MlxArray joined(List<MlxArray> parts) {
        return Indexing.concatenate(0, parts.toArray(MlxArray[]::new));
    }

    private static void same(MlxArray ours, MlxArray wanted, String what) {
        assertThat(ours.shape()).as(what).isEqualTo(wanted.shape());
        assertThat(ours.toFloats())
                .as(what)
                .usingComparatorWithPrecision(NUMBERS)
                .containsExactly(wanted.toFloats());
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen2_5_vl", "qwen3_vl_moe", "qwen3_5_moe"})
    void computesWhatTransformersDoes(String name) {
        Path folder = Goldens.own("towers").resolve(name);
        use(folder, loaded -> {
            Map<String, MlxArray> golden = Safetensors.load(folder.resolve("golden.safetensors"));
            List<ImageFeatures> features = features(loaded, golden);
            same(joined(features.stream().map(ImageFeatures::rows).toList()), golden.get("features"), "features");
            int layers = features.getFirst().deepstack().size();
            for (int i = 0; i < layers; i++) {
                int layer = i;
                List<MlxArray> rows =
                        features.stream().map(f -> f.deepstack().get(layer)).toList();
                same(joined(rows), golden.get("deepstack." + i), "deepstack." + i);
            }
            assertThat(golden).doesNotContainKey("deepstack." + layers);
            same(logits(loaded, golden, features), golden.get("logits"), "logits");
        });
    }

    private static MlxArray logits(
            ModelLoader.Loaded loaded, Map<String, MlxArray> golden, List<ImageFeatures> features) {
        int[] prompt = golden.get("prompt").toInts();
        List<Sight.Patch> patches = new ArrayList<>();
        int at = 0;
        for (ImageFeatures each : features) {
            while (prompt[at] != IMAGE) {
                at++;
            }
            patches.add(new Sight.Patch(at, each.rows(), each.deepstack()));
            at += each.rows().dim(0);
        }
        int[] positions = golden.get("positions").toInts();
        int[][] axes = new int[3][];
        Arrays.setAll(axes, i -> Arrays.copyOfRange(positions, i * prompt.length, (i + 1) * prompt.length));
        List<LayerCache> layers = loaded.model().newLayers();
        Spans spans = Spans.of(layers, prompt.length, new Sight(0, axes, patches));
        MlxArray logits = loaded.model()
                .logits(loaded.model().forward(golden.get("prompt"), spans))
                .eval();
        layers.forEach(LayerCache::close);
        return logits;
    }

    /** What a tower would get wrong that takes the usual activation whatever config.json says. */
    @Test
    void theActivationIsThatOfConfigJson(@TempDir Path folder) throws IOException {
        Path golden = Goldens.own("towers").resolve("qwen3_vl_moe");
        ObjectMapper json = new ObjectMapper();
        ObjectNode config =
                (ObjectNode) json.readTree(golden.resolve("config.json").toFile());
        config.withObject("/vision_config").put("hidden_act", "gelu_pytorch_tanh");
        json.writeValue(folder.resolve("config.json").toFile(), config);
        Files.copy(golden.resolve("model.safetensors"), folder.resolve("model.safetensors"));
        use(folder, loaded -> {
            Map<String, MlxArray> numbers = Safetensors.load(golden.resolve("golden.safetensors"));
            List<MlxArray> rows =
                    features(loaded, numbers).stream().map(ImageFeatures::rows).toList();
            MlxArray difference = Ops.abs(Ops.subtract(joined(rows), numbers.get("features")));
            float most = Ops.max(Indexing.flatten(difference, 0, -1), 0, false).toFloats()[0];
            System.out.printf("another activation moves features of qwen3_vl_moe by %.2f%n", most);
            assertThat(most).isGreaterThan(100 * NUMBERS);
        });
    }

    /**
     * Layers of the tower that are quantized, its merger and its table of positions too, compute what their numbers
     * say.
     */
    @Test
    void layersMayBeQuantized(@TempDir Path folder) throws IOException {
        Path plain = Files.createDirectories(folder.resolve("plain"));
        Path packed = Files.createDirectories(folder.resolve("packed"));
        Path golden = Goldens.own("towers").resolve("qwen3_5_moe");
        ObjectMapper json = new ObjectMapper();
        ObjectNode config =
                (ObjectNode) json.readTree(golden.resolve("config.json").toFile());
        json.writeValue(plain.resolve("config.json").toFile(), config);
        config.putObject("quantization").put("group_size", FORMAT.groupSize()).put("bits", FORMAT.bits());
        json.writeValue(packed.resolve("config.json").toFile(), config);
        try (MlxThread thread = MlxThread.start("quantizing")) {
            thread.run(() -> quantize(golden.resolve("model.safetensors"), plain, packed));
        }
        List<float[]> features = new ArrayList<>();
        for (Path each : List.of(plain, packed)) {
            use(each, loaded -> {
                Map<String, MlxArray> pixels = Safetensors.load(golden.resolve("golden.safetensors"));
                features.add(features(loaded, pixels).getFirst().rows().toFloats());
            });
        }
        assertThat(features.get(1)).usingComparatorWithPrecision(NUMBERS).containsExactly(features.get(0));
    }

    private static void quantize(Path from, Path plain, Path packed) {
        try (Scope scope = Scope.open()) {
            Map<String, MlxArray> all = Safetensors.load(from);
            Map<String, MlxArray> words = new HashMap<>(all);
            all.replaceAll((name, matrix) -> {
                boolean fits = name.startsWith("model.visual.") && matrix.ndim() == 2 && matrix.dim(1) % 32 == 0;
                if (!fits) {
                    return matrix;
                }
                String layer = name.substring(0, name.length() - "weight".length());
                MlxArray[] parts = Quantized.quantize(matrix, FORMAT);
                words.put(name, parts[0]);
                words.put(layer + "scales", parts[1]);
                words.put(layer + "biases", parts[2]);
                return Quantized.dequantize(parts[0], parts[1], parts[2], FORMAT, DType.FLOAT32);
            });
            assertThat(words).hasSize(all.size() + 2 * 7);
            Safetensors.save(plain.resolve("model.safetensors"), all);
            Safetensors.save(packed.resolve("model.safetensors"), words);
        }
    }
}
