package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.JsonFiles;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Feed;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Adapters compute what mlx-lm's load_adapters computes; src/test/scripts/make_adapter_goldens.py made the cases. */
class AdapterGoldenTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CONFIG = "adapter_config.json";
    private static final String WEIGHTS = "adapters.safetensors";

    @TempDir
    Path folder;

    private final long handles = LiveHandles.count();
    private MlxThread thread;

    @BeforeEach
    void start() {
        thread = MlxThread.start("adapter");
    }

    @AfterEach
    void nothingIsLeft() {
        thread.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    static List<String> adapters() throws IOException {
        try (Stream<Path> all = Files.list(Goldens.own("adapters"))) {
            return all.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private static ModelLoader.Loaded load(Path model, Path adapter) {
        return ModelLoader.load(model, ModelFolder.config(model), DType.FLOAT32, false, adapter, false);
    }

    private static Path model(Path adapter) {
        return Goldens.own(
                "models/" + JsonFiles.read(adapter.resolve(CONFIG)).get("model").asText());
    }

    @ParameterizedTest
    @MethodSource("adapters")
    void logitsAndGreedyTokensAreThoseOfMlxLm(String name) {
        Path adapter = Goldens.own("adapters/" + name);
        thread.run(() -> {
            ModelLoader.Loaded loaded = load(model(adapter), adapter);
            List<LayerCache> layers = loaded.model().newLayers();
            try (Scope scope = Scope.open()) {
                Map<String, MlxArray> golden = Safetensors.load(adapter.resolve("golden.safetensors"));
                float[] row =
                        Feed.feed(loaded.model(), layers, golden.get("prompt").toInts());
                assertThat(Feed.gap(row, golden.get("logits").toFloats())).isCloseTo(0, within(1e-3));
                int[] decode = golden.get("decode").toInts();
                float[] steps = golden.get("steps").toFloats();
                for (int i = 0; i < decode.length; i++) {
                    row = Feed.feed(loaded.model(), layers, decode[i]);
                    float[] want = Arrays.copyOfRange(steps, i * row.length, (i + 1) * row.length);
                    assertThat(Feed.gap(row, want)).as("step %d", i).isCloseTo(0, within(1e-3));
                }
            } finally {
                layers.forEach(LayerCache::close);
                loaded.weights().close();
            }
        });
    }

    private void copy(String name) throws IOException {
        for (String file : List.of(CONFIG, WEIGHTS)) {
            Path golden = Goldens.own("adapters/" + name).resolve(file);
            Files.copy(golden, folder.resolve(file), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private void load() {
        thread.run(() -> load(model(folder), folder).weights().close());
    }

    private void tensors(Consumer<Map<String, MlxArray>> change) throws IOException {
        thread.run(() -> {
            try (Scope scope = Scope.open()) {
                Map<String, MlxArray> tensors = new LinkedHashMap<>(Safetensors.load(folder.resolve(WEIGHTS)));
                tensors.values().forEach(MlxArray::eval);
                change.accept(tensors);
                Safetensors.save(folder.resolve("changed.safetensors"), tensors);
            }
        });
        Files.move(folder.resolve("changed.safetensors"), folder.resolve(WEIGHTS), StandardCopyOption.REPLACE_EXISTING);
    }

    private void refused(String... words) {
        assertThatThrownBy(this::load)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll(words);
    }

    @Test
    void missingAndUnexpectedTensorsAreNamed() throws IOException {
        String layer = "model.layers.2.self_attn.v_proj";
        copy("lora-last-two-layers");
        tensors(t -> t.remove(layer + ".lora_b"));
        refused("missing", layer + ".lora_b");
        tensors(t -> t.remove(layer + ".lora_a"));
        refused("have no tensors", layer);
        copy("lora-last-two-layers");
        tensors(t -> t.put("model.layers.0.self_attn.v_proj.lora_a", t.get(layer + ".lora_a")));
        refused("missing", "model.layers.0.self_attn.v_proj.lora_b");
        tensors(t -> t.put("model.layers.0.self_attn.v_proj.lora_b", t.get(layer + ".lora_b")));
        refused("belong to no layer", "model.layers.0.self_attn.v_proj.lora_a");
        copy("lora-last-two-layers");
        tensors(t -> t.put("model.layers.9.mlp.up_proj.lora_a", t.get(layer + ".lora_a")));
        refused("belong to no layer", "model.layers.9.mlp.up_proj.lora_a");
        copy("lora-last-two-layers");
        tensors(t -> t.put(layer + ".m", t.get(layer + ".lora_a")));
        refused("belong to no layer", layer + ".m");
        copy("dora-quantized");
        tensors(t -> t.remove(layer + ".m"));
        refused("missing", layer + ".m");
        copy("lora-quantized-everything");
        tensors(t -> t.keySet().removeIf(name -> name.startsWith("model.layers.1.mlp.up_proj")));
        refused("have no tensors", "model.layers.1.mlp.up_proj");
    }

    @Test
    void shapesMustFitTheModelAndTheRank() throws IOException {
        String tensor = "model.layers.2.self_attn.v_proj.lora_a";
        copy("lora-last-two-layers");
        tensors(t -> t.put(tensor, MlxArray.of(new float[] {1, 2}, 2, 1)));
        refused(tensor, "[2, 1]", "[64, 4]");
        copy("full");
        tensors(t -> t.put("model.norm.weight", MlxArray.of(new float[] {1, 2}, 2)));
        refused("model.norm.weight", "[2]", "[64]");
        copy("full");
        tensors(t -> t.put("model.nonsense", MlxArray.of(new float[] {1, 2}, 2)));
        refused("model.nonsense is not a tensor of the model");
        copy("lora-last-two-layers");
        tensors(t -> t.put(tensor, Ops.astype(t.get(tensor), DType.INT32)));
        refused(tensor, "INT32");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "fine_tune_type | \"prefix\" | fine_tune_type (prefix)",
                "lora_parameters | null | lora_parameters",
                "lora_parameters | {\"rank\": 4, \"alpha\": 16, \"dropout\": 0} | alpha (16.0)",
                "lora_parameters | {\"rank\": -4, \"scale\": 16} | rank (-4)",
                "lora_parameters | {\"rank\": 8, \"scale\": 16} | shape",
                "lora_parameters | {\"rank\": 4, \"scale\": \"big\"} | scale",
                "lora_parameters | {\"rank\": 4, \"scale\": 2, \"keys\": [1]} | keys",
                "lora_parameters | {\"rank\": 4, \"scale\": 2, \"keys\": [\"mlp.up_proj\"]} | belong to no layer",
                "num_layers | null | num_layers",
                "num_layers | 1 | belong to no layer",
                "num_layers | 3 | have no tensors",
                "num_layers | \"all\" | num_layers"
            })
    void aConfigThatLiesIsRefused(String field, String value, String reason) throws IOException {
        copy("lora-last-two-layers");
        ObjectNode config = (ObjectNode) JSON.readTree(folder.resolve(CONFIG).toFile());
        config.set(field, JSON.readTree(value));
        Files.writeString(folder.resolve(CONFIG), config.toString());
        refused(reason);
    }

    @Test
    void whatIsMissingOrNoFileIsNamed() throws IOException {
        copy("full");
        Path golden = Goldens.own("models/qwen3");
        for (String file : List.of(CONFIG, WEIGHTS)) {
            Files.delete(folder.resolve(file));
            assertThatThrownBy(() -> thread.run(() -> load(golden, folder)))
                    .isInstanceOf(ModelNotFoundException.class)
                    .hasMessageContaining(file);
            copy("full");
        }
        Files.delete(folder.resolve(WEIGHTS));
        Files.createDirectory(folder.resolve(WEIGHTS));
        refused("not a regular file");
        Files.delete(folder.resolve(WEIGHTS));
        Files.createSymbolicLink(folder.resolve(WEIGHTS), golden.resolve("model.safetensors"));
        refused("outside");
    }

    @Test
    void damagedFilesLoadOrAreRefused() throws IOException {
        long seed = 20260402;
        SplittableRandom random = new SplittableRandom(seed);
        Path golden = Goldens.own("models/qwen3");
        for (int round = 0; round < 100; round++) {
            copy("lora-last-two-layers");
            Path file = folder.resolve(random.nextInt(3) == 0 ? CONFIG : WEIGHTS);
            byte[] bytes = Files.readAllBytes(file);
            int at = random.nextInt(random.nextBoolean() ? Math.min(bytes.length, 1500) : bytes.length);
            bytes[at] = (byte) random.nextInt();
            Files.write(file, random.nextInt(3) == 0 ? Arrays.copyOf(bytes, at) : bytes);
            try {
                thread.run(() -> load(golden, folder).weights().close());
            } catch (InvalidRequestException e) {
                assertThat(e.getMessage()).as("seed %d, round %d", seed, round).isNotBlank();
            }
        }
    }
}
