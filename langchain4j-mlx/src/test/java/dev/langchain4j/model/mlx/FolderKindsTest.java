package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.LogLines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whoever takes the wrong folder hears what it is and what it is for; folders without a part that nobody needs work.
 */
class FolderKindsTest {
    private static final Path EMBEDDINGS = Goldens.own("embeddings");

    @TempDir
    Path folder;

    private final long handles = LiveHandles.count();

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @ParameterizedTest
    @ValueSource(strings = {"bert-mean", "roberta-cls", "xlm-roberta-mean", "distilbert-max"})
    void anEncoderDoesNotWrite(String name) {
        assertThatThrownBy(() -> MlxModel.load(EMBEDDINGS.resolve(name)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("model_type (")
                .hasMessageContaining("use MlxEmbeddingModel");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "model-Q4_K_M.gguf | GGUF, which is not supported",
                "pytorch_model.bin | weights of PyTorch",
                "pytorch_model-00001-of-00002.bin | mlx_lm.convert",
                "consolidated.00.pth | weights of PyTorch",
                "consolidated.safetensors | Mistral's own layout",
                "weights.npz | another framework",
                "model.onnx | another framework",
                "adapters.safetensors | it is an adapter",
                "adapter_model.safetensors | it is an adapter"
            })
    void aFolderOfAnotherFormatSaysSo(String file, String reason) throws IOException {
        Files.writeString(folder.resolve(file), "x");
        refused(reason, file, "no config.json");
        Files.copy(EMBEDDINGS.resolve("qwen3-last/config.json"), folder.resolve("config.json"));
        refused(reason, file, "no weights");
    }

    private void refused(String... words) {
        assertThatThrownBy(() -> MlxModel.load(folder))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContainingAll(words);
        assertThatThrownBy(() -> MlxEmbeddingModel.builder().modelPath(folder).build())
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContainingAll(words);
    }

    @Test
    void anAdapterNamesItsModel() throws IOException {
        Files.writeString(folder.resolve("adapter_config.json"), "{\"base_model_name_or_path\": \"Qwen/Qwen3-4B\"}");
        Files.writeString(folder.resolve("adapter_model.safetensors"), "x");
        refused("load Qwen/Qwen3-4B with this folder as adapter");
        Files.writeString(folder.resolve("adapter_config.json"), "{");
        refused("it is an adapter");
    }

    @Test
    void anUnknownArchitectureIsRefusedBeforeAnythingIsLoaded() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"parrot\"}");
        Files.writeString(folder.resolve("model.safetensors"), "x");
        assertThatThrownBy(() -> MlxModel.load(folder))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("model_type (parrot)");
    }

    private void copy(BiConsumer<ObjectNode, Map<String, MlxArray>> change) throws IOException {
        Path from = EMBEDDINGS.resolve("qwen3-last");
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(from.resolve(name), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        ObjectMapper json = new ObjectMapper();
        ObjectNode config =
                (ObjectNode) json.readTree(from.resolve("config.json").toFile());
        try (MlxThread thread = MlxThread.start("copy")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    Map<String, MlxArray> tensors =
                            new LinkedHashMap<>(Safetensors.load(from.resolve("model.safetensors")));
                    tensors.values().forEach(MlxArray::eval);
                    change.accept(config, tensors);
                    Safetensors.save(folder.resolve("model.safetensors"), tensors);
                }
            });
        }
        json.writeValue(folder.resolve("config.json").toFile(), config);
    }

    private float[] vector() {
        try (MlxEmbeddingModel model =
                MlxEmbeddingModel.builder().modelPath(folder).build()) {
            return model.embed("the cat sat on the mat").content().vector();
        }
    }

    @Test
    void anEmbeddingModelNeedsNoHead() throws IOException {
        copy((config, tensors) -> {});
        float[] expected = vector();
        copy((config, tensors) -> {
            config.put("tie_word_embeddings", false);
            tensors.remove("lm_head.weight");
        });
        assertThat(vector()).containsExactly(expected, within(1e-6f));
        assertThatThrownBy(() -> MlxModel.load(folder))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("lm_head");
    }

    /** Llama from Qwen 3's tensors, under names with this before {@code model.}, or in place of it. */
    private static void llama(String before, ObjectNode config, Map<String, MlxArray> tensors) {
        config.put("model_type", "llama");
        tensors.keySet().removeIf(name -> name.contains("q_norm") || name.contains("k_norm"));
        for (String name : List.copyOf(tensors.keySet())) {
            String plain = name.startsWith("model.") ? name.substring("model.".length()) : name;
            tensors.put(before + plain, tensors.remove(name));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"language_model.model.", "model.language_model.", "language_model."})
    void anEmbeddingModelMayBeTheTextPartOfOneThatSees(String before) throws IOException {
        copy((config, tensors) -> llama("", config, tensors));
        float[] expected = vector();
        copy((config, tensors) -> {
            llama(before, config, tensors);
            ObjectNode text = config.deepCopy();
            config.removeAll();
            config.put("model_type", "mistral3").set("text_config", text);
            tensors.put("vision_tower.weight", MlxArray.of(new float[1], 1));
        });
        assertThat(vector()).containsExactly(expected, within(1e-6f));
    }

    @Test
    void norDoesOneWhoseEmbeddingIsQuantized() throws IOException {
        Quantized.Format format = new Quantized.Format(32, 8, "affine");
        BiConsumer<ObjectNode, Map<String, MlxArray>> quantized = (config, tensors) -> {
            String name = tensors.containsKey("embed_tokens.weight") ? "embed_tokens" : "model.embed_tokens";
            MlxArray[] parts = Quantized.quantize(tensors.remove(name + ".weight"), format);
            tensors.put(name + ".weight", parts[0]);
            tensors.put(name + ".scales", parts[1]);
            tensors.put(name + ".biases", parts[2]);
            tensors.remove("lm_head.weight");
            config.putObject("quantization").put("bits", 8).put("group_size", 32);
        };
        copy(quantized.andThen((config, tensors) -> config.put("tie_word_embeddings", true)));
        float[] expected = vector();
        copy(quantized.andThen((config, tensors) -> config.put("tie_word_embeddings", false)));
        assertThat(vector()).containsExactly(expected, within(1e-6f));
    }

    @Test
    void aModelThatIsNoRerankerIsAWarning() throws IOException {
        Path reranker = Files.createDirectory(folder.resolve("tiny-Reranker"));
        for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")) {
            Files.copy(EMBEDDINGS.resolve("qwen3-last").resolve(name), reranker.resolve(name));
        }
        try (LogLines log = LogLines.open()) {
            try (MlxScoringModel model =
                    MlxScoringModel.builder().modelPath(reranker).build()) {
                assertThat(log.warnings()).isEmpty();
                model.score("a dog", "cats");
                model.score("a cat", "cats");
                assertThat(log.warnings()).singleElement().asString().contains("yes and no have a probability of 0.");
            }
        }
        try (LogLines log = LogLines.open()) {
            MlxScoringModel.builder()
                    .modelPath(EMBEDDINGS.resolve("qwen3-last"))
                    .build()
                    .close();
            assertThat(log.warnings())
                    .singleElement()
                    .asString()
                    .contains("qwen3-last", "not have the name of a reranker");
        }
    }
}
