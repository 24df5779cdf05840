package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Feed;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Adapters of PEFT compute what its formula says: here the change is added to the model's own matrices, W + s B A,
 * whose rows get the trained lengths where there are any, and the model is loaded without an adapter.
 */
class PeftAdapterTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CONFIG = "adapter_config.json";
    private static final String WEIGHTS = "adapter_model.safetensors";
    private static final int[] TOKENS = {3, 1, 4, 1, 5, 9, 2, 6};
    private static final int RANK = 4;
    private static final int LAYERS_MAX = 8;

    @TempDir
    Path adapter;

    @TempDir
    Path merged;

    private final long handles = LiveHandles.count();
    private final Random random = new Random(12);
    private final Map<String, MlxArray> saved = new LinkedHashMap<>();
    private final Map<String, MlxArray> expected = new LinkedHashMap<>();
    private MlxThread thread;

    @BeforeEach
    void start() {
        thread = MlxThread.start("peft");
    }

    @AfterEach
    void nothingIsLeft() {
        thread.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private MlxArray normal(double scale, int... shape) {
        int size = 1;
        for (int n : shape) {
            size *= n;
        }
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) (scale * random.nextGaussian());
        }
        return MlxArray.of(values, shape);
    }

    /** What PEFT would train for a linear layer, and what its matrix becomes. */
    private MlxArray lora(String module, MlxArray matrix, int rank, double scale) {
        MlxArray a = normal(0.3, rank, matrix.dim(1));
        MlxArray b = normal(0.3, matrix.dim(0), rank);
        saved.put("base_model.model." + module + ".lora_A.weight", a);
        saved.put("base_model.model." + module + ".lora_B.weight", b);
        return Ops.add(matrix, Ops.multiply(Ops.matmul(b, a), scale));
    }

    private MlxArray dora(String module, MlxArray matrix, int rank, double scale) {
        MlxArray changed = lora(module, matrix, rank, scale);
        MlxArray lengths = Ops.sqrt(Ops.sum(Ops.square(changed), 1, false));
        MlxArray magnitude = Ops.multiply(lengths, Ops.add(normal(0.1, matrix.dim(0)), 1));
        saved.put("base_model.model." + module + ".lora_magnitude_vector", magnitude);
        return Ops.multiply(changed, Indexing.expandDims(Ops.divide(magnitude, lengths), 1));
    }

    private static ObjectNode config() {
        ObjectNode config = JSON.createObjectNode();
        config.put("peft_type", "LORA").put("r", RANK).put("lora_alpha", 8).put("bias", "none");
        config.put("base_model_name_or_path", "some/model")
                .putNull("modules_to_save")
                .put("use_dora", false);
        config.putObject("alpha_pattern");
        config.putObject("rank_pattern");
        config.put("init_lora_weights", true).put("lora_bias", false).putNull("layer_replication");
        return config;
    }

    private static ObjectNode targets(ObjectNode config, String... names) {
        List.of(names).forEach(config.withArray("target_modules")::add);
        return config;
    }

    /** Trains by this, and compares with the model that has the change in its own tensors. */
    private void same(String model, ObjectNode config, Consumer<Map<String, MlxArray>> training) throws IOException {
        Path golden = Goldens.own("models/" + model);
        JSON.writeValue(adapter.resolve(CONFIG).toFile(), config);
        Files.copy(golden.resolve("config.json"), merged.resolve("config.json"), StandardCopyOption.REPLACE_EXISTING);
        thread.run(() -> {
            try (Scope scope = Scope.open()) {
                Map<String, MlxArray> tensors =
                        new LinkedHashMap<>(Safetensors.load(golden.resolve("model.safetensors")));
                training.accept(tensors);
                tensors.putAll(expected);
                Safetensors.save(merged.resolve("model.safetensors"), tensors);
                Safetensors.save(adapter.resolve(WEIGHTS), saved);
            }
        });
        float[] want = logits(merged, null);
        assertThat(Feed.gap(logits(golden, adapter), want)).isCloseTo(0, within(1e-3));
        assertThat(Feed.gap(logits(golden, null), want))
                .as("the adapter changes something")
                .isGreaterThan(1e-2);
    }

    private float[] logits(Path folder, Path change) {
        return thread.call(() -> {
            ModelLoader.Loaded loaded =
                    ModelLoader.load(folder, ModelFolder.config(folder), DType.FLOAT32, false, change, false);
            List<LayerCache> layers = loaded.model().newLayers();
            try {
                return Feed.feed(loaded.model(), layers, TOKENS);
            } finally {
                layers.forEach(LayerCache::close);
                loaded.weights().close();
            }
        });
    }

    private static MlxArray matrix(Map<String, MlxArray> tensors, String layer) {
        return tensors.get(layer + ".weight");
    }

    private void train(Map<String, MlxArray> tensors, String part, BiFunction<String, MlxArray, MlxArray> change) {
        for (int i = 0; i < LAYERS_MAX; i++) {
            String layer = "model.layers." + i + "." + part;
            if (tensors.containsKey(layer + ".weight")) {
                expected.put(layer + ".weight", change.apply(layer, matrix(tensors, layer)));
            }
        }
    }

    @Test
    void loraIsScaledByAlphaOverRank() throws IOException {
        same("qwen2", targets(config(), "q_proj", "v_proj", "down_proj"), tensors -> {
            train(tensors, "self_attn.q_proj", (layer, w) -> lora(layer, w, RANK, 2));
            train(tensors, "self_attn.v_proj", (layer, w) -> lora(layer, w, RANK, 2));
            train(tensors, "mlp.down_proj", (layer, w) -> lora(layer, w, RANK, 2));
        });
    }

    @Test
    void orByTheRootOfRank() throws IOException {
        same("qwen3", targets(config().put("use_rslora", true), "o_proj"), tensors -> {
            train(tensors, "self_attn.o_proj", (layer, w) -> lora(layer, w, RANK, 4));
        });
    }

    @Test
    void layersHaveRanksAndAlphasOfTheirOwn() throws IOException {
        ObjectNode config = targets(config(), "q_proj", "up_proj");
        config.withObjectProperty("rank_pattern").put("up_proj", 2).put("^model\\.layers\\.0\\.self_attn\\.q_proj", 3);
        config.withObjectProperty("alpha_pattern").put("layers.1.mlp.up_proj", 12);
        same("qwen3", config, tensors -> {
            train(
                    tensors,
                    "self_attn.q_proj",
                    (layer, w) -> layer.contains(".0.") ? lora(layer, w, 3, 8 / 3.0) : lora(layer, w, RANK, 2));
            train(tensors, "mlp.up_proj", (layer, w) -> lora(layer, w, 2, layer.contains(".1.") ? 6 : 4));
        });
    }

    @Test
    void doraGivesRowsTheirLengths() throws IOException {
        same("qwen2", targets(config().put("use_dora", true), "q_proj", "gate_proj"), tensors -> {
            train(tensors, "self_attn.q_proj", (layer, w) -> dora(layer, w, RANK, 2));
            train(tensors, "mlp.gate_proj", (layer, w) -> dora(layer, w, RANK, 2));
        });
    }

    @Test
    void anExpressionMayStandForLayersAndOnlySomeMayBeChanged() throws IOException {
        same("qwen3", config().put("target_modules", ".*\\.1\\..*v_proj"), tensors -> {
            String layer = "model.layers.1.self_attn.v_proj";
            expected.put(layer + ".weight", lora(layer, matrix(tensors, layer), RANK, 2));
        });
        saved.clear();
        expected.clear();
        ObjectNode config = targets(config(), "v_proj", "k_proj");
        config.putArray("layers_to_transform").add(1);
        config.putArray("exclude_modules").add("k_proj");
        same("qwen3", config, tensors -> {
            String layer = "model.layers.1.self_attn.v_proj";
            expected.put(layer + ".weight", lora(layer, matrix(tensors, layer), RANK, 2));
        });
    }

    @Test
    void modulesThatWereTrainedAsAWholeReplaceTheModels() throws IOException {
        ObjectNode config = targets(config(), "q_proj");
        config.putArray("modules_to_save").add("lm_head").add("embed_tokens");
        same("llama", config, tensors -> {
            train(tensors, "self_attn.q_proj", (layer, w) -> lora(layer, w, RANK, 2));
            for (String name : List.of("lm_head.weight", "model.embed_tokens.weight")) {
                MlxArray whole =
                        Ops.add(tensors.get(name), normal(0.2, tensors.get(name).shape()));
                expected.put(name, whole);
                String module = name.replace(".weight", ".modules_to_save.default.weight");
                saved.put("base_model.model." + (name.startsWith("lm") ? name : module), whole);
            }
        });
    }

    @Test
    void aQuantizedModelTakesBoth() throws IOException {
        ObjectNode config = targets(config(), "v_proj");
        config.putArray("modules_to_save").add("lm_head");
        same("llama-q4", config, tensors -> {
            Quantized.Format format = new Quantized.Format(64, 4, "affine");
            for (int i = 0; tensors.containsKey("model.layers." + i + ".self_attn.v_proj.weight"); i++) {
                String layer = "model.layers." + i + ".self_attn.v_proj";
                MlxArray plain = Quantized.dequantize(
                        tensors.get(layer + ".weight"),
                        tensors.remove(layer + ".scales"),
                        tensors.remove(layer + ".biases"),
                        format,
                        DType.FLOAT32);
                expected.put(layer + ".weight", lora(layer, plain, RANK, 2));
            }
            MlxArray norm = tensors.get("model.norm.weight");
            MlxArray head = normal(0.2, tensors.get("lm_head.weight").dim(0), norm.dim(0));
            tensors.remove("lm_head.scales");
            tensors.remove("lm_head.biases");
            expected.put("lm_head.weight", head);
            saved.put("base_model.model.lm_head.weight", head);
        });
    }

    @Test
    void anEmbeddingIsChangedAndItsHeadIsNot() throws IOException {
        same("llama", targets(config(), "embed_tokens"), tensors -> {
            MlxArray rows = tensors.get("model.embed_tokens.weight");
            MlxArray a = normal(0.5, RANK, rows.dim(0));
            MlxArray b = normal(0.5, rows.dim(1), RANK);
            saved.put("base_model.model.model.embed_tokens.lora_embedding_A", a);
            saved.put("base_model.model.model.embed_tokens.lora_embedding_B", b);
            MlxArray change = Indexing.transpose(Ops.matmul(b, a), 1, 0);
            expected.put("model.embed_tokens.weight", Ops.add(rows, Ops.multiply(change, 2)));
        });
    }

    @Test
    void norIsAHeadThatSharesItsMatrix() throws IOException {
        ObjectNode config = targets(config(), "embed_tokens");
        same("llama-3.1-rope-tied", config, tensors -> {
            MlxArray rows = tensors.get("model.embed_tokens.weight");
            MlxArray a = normal(0.5, RANK, rows.dim(0));
            MlxArray b = normal(0.5, rows.dim(1), RANK);
            saved.put("base_model.model.model.embed_tokens.lora_embedding_A", a);
            saved.put("base_model.model.model.embed_tokens.lora_embedding_B", b);
            MlxArray change = Indexing.transpose(Ops.matmul(b, a), 1, 0);
            expected.put("lm_head.weight", rows);
            expected.put("model.embed_tokens.weight", Ops.add(rows, Ops.multiply(change, 2)));
            Path file = merged.resolve("config.json");
            try {
                ObjectNode untied = (ObjectNode) JSON.readTree(file.toFile());
                JSON.writeValue(file.toFile(), untied.put("tie_word_embeddings", false));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    @Test
    void expertsAreChangedOneByOne() throws IOException {
        ObjectNode config = targets(config(), "gate_proj", "down_proj", "q_proj");
        same("qwen3_moe", config, tensors -> {
            train(tensors, "self_attn.q_proj", (layer, w) -> lora(layer, w, RANK, 2));
            for (String projection : List.of("gate_proj", "down_proj")) {
                train(tensors, "mlp.switch_mlp." + projection, (layer, w) -> {
                    MlxArray[] each = new MlxArray[w.dim(0)];
                    for (int e = 0; e < each.length; e++) {
                        String module = layer.replace("switch_mlp", "experts." + e);
                        MlxArray one = Indexing.squeeze(Indexing.slice(w, 0, e, e + 1), 0);
                        each[e] = lora(module, one, RANK, 2);
                    }
                    return Indexing.stack(0, each);
                });
            }
            // a dense block of the same model has no experts
            for (String projection : List.of("gate_proj", "down_proj")) {
                train(tensors, "mlp." + projection, (layer, w) -> lora(layer, w, RANK, 2));
            }
        });
    }

    @Test
    void theLanguageModelInsideOfAnotherIsChanged() throws IOException {
        same("qwen3", targets(config(), "q_proj"), tensors -> {
            train(
                    tensors,
                    "self_attn.q_proj",
                    (layer, w) -> lora(layer.replace("model.", "model.language_model."), w, RANK, 2));
            lora("model.visual.blocks.0.attn.q_proj", normal(1, 8, 8), RANK, 2);
        });
        saved.clear();
        same("qwen3", targets(config(), "q_proj"), tensors -> {
            train(tensors, "self_attn.q_proj", (layer, w) -> lora(layer.replace("model.", ""), w, RANK, 2));
        });
    }

    private void refused(String... words) {
        assertThatThrownBy(() -> logits(Goldens.own("models/qwen3"), adapter))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll(words);
    }

    private void write(ObjectNode config, Consumer<Map<String, MlxArray>> training) throws IOException {
        JSON.writeValue(adapter.resolve(CONFIG).toFile(), config);
        saved.clear();
        thread.run(() -> {
            try (Scope scope = Scope.open()) {
                training.accept(Safetensors.load(Goldens.own("models/qwen3/model.safetensors")));
                Safetensors.save(adapter.resolve(WEIGHTS), saved);
            }
        });
    }

    private void queries(Map<String, MlxArray> tensors) {
        train(tensors, "self_attn.q_proj", (layer, w) -> lora(layer, w, RANK, 2));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "peft_type | \"IA3\" | peft_type (IA3)",
                "r | 0 | r (0)",
                "r | null | has no r",
                "lora_alpha | null | lora_alpha",
                "lora_bias | true | lora_bias (true)",
                "target_parameters | [\"experts.down_proj\"] | target_parameters",
                "alora_invocation_tokens | [1, 2] | alora_invocation_tokens",
                "layer_replication | [[0, 2], [1, 2]] | layer_replication",
                "trainable_token_indices | [5] | trainable_token_indices",
                "init_lora_weights | \"pissa_niter_16\" | init_lora_weights (pissa",
                "rank_pattern | {\"(\": 2} | rank_pattern",
                "rank_pattern | {\"q_proj\": 0} | q_proj (0.0)",
                "rank_pattern | {\"q_proj\": 3} | shape",
                "alpha_pattern | {\"(.*.*.*.*.*.*.*.*)*x\": 3} | takes too long",
                "target_modules | [\"q_proj\", \"k_proj\"] | have no tensors",
                "use_dora | true | these tensors are missing"
            })
    void whatIsNotReadIsRefused(String field, String value, String reason) throws IOException {
        ObjectNode config = targets(config(), "q_proj");
        config.set(field, JSON.readTree(value));
        write(config, this::queries);
        refused(reason);
    }

    @Test
    void tensorsThatDoNotFitAreNamed() throws IOException {
        write(targets(config(), "q_proj"), tensors -> {
            queries(tensors);
            saved.remove("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight");
        });
        refused("missing", "model.layers.0.self_attn.q_proj.lora_b");
        write(targets(config(), "q_proj"), tensors -> {
            queries(tensors);
            lora("model.layers.0.self_attn.qkv", normal(1, 8, 8), RANK, 2);
        });
        refused("belong to no layer", "model.layers.0.self_attn.qkv");
        write(targets(config(), "q_proj"), tensors -> {
            queries(tensors);
            saved.put("base_model.model.score.weight", normal(1, 2, 8));
        });
        refused("score.weight is not a tensor of the model");
        write(targets(config(), "q_proj"), tensors -> {
            queries(tensors);
            saved.put("base_model.model.model.norm.weight", normal(1, 64));
        });
        refused("model.norm.weight is a norm");
        write(targets(config(), "q_proj"), tensors -> {
            queries(tensors);
            saved.put("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", normal(1, 4));
        });
        refused("dimensions");
        write(targets(config(), "q_proj"), tensors -> {
            queries(tensors);
            lora("model.layers.0.mlp.experts.1.up_proj", normal(1, 8, 8), RANK, 2);
        });
        refused("expert 0 is missing");
    }

    @Test
    void picklesAreNotRead() throws IOException {
        JSON.writeValue(adapter.resolve(CONFIG).toFile(), config());
        Files.writeString(adapter.resolve("adapter_model.bin"), "x");
        assertThatThrownBy(() -> logits(Goldens.own("models/qwen3"), adapter))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContainingAll("adapter_model.safetensors", "adapter_model.bin is not read");
    }
}
