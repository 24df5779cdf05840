package dev.langchain4j.model.mlx.arch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Folders that miss something or contradict themselves are refused with the name of what is wrong. */
class ModelLoaderTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private long handlesBefore;
    private MlxThread thread;

    @BeforeEach
    void start() throws IOException {
        handlesBefore = LiveHandles.count();
        thread = MlxThread.start("loader");
        copy("llama-q4");
    }

    @AfterEach
    void noHandleIsLeft() {
        thread.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private void copy(String name) throws IOException {
        Path golden =
                Path.of(Goldens.class.getResource("/goldens/models/" + name).getPath());
        for (String file : new String[] {"config.json", "model.safetensors"}) {
            Files.copy(golden.resolve(file), folder.resolve(file), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private void config(Consumer<ObjectNode> change) throws IOException {
        Path file = folder.resolve("config.json");
        ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
        change.accept(config);
        JSON.writeValue(file.toFile(), config);
    }

    private void weights(Consumer<Map<String, MlxArray>> change) {
        Path file = folder.resolve("model.safetensors");
        thread.run(() -> {
            try (Scope scope = Scope.open()) {
                Map<String, MlxArray> tensors = new LinkedHashMap<>(Safetensors.load(file));
                tensors.values().forEach(MlxArray::eval);
                change.accept(tensors);
                Safetensors.save(folder.resolve("changed.safetensors"), tensors);
            }
        });
        try {
            Files.move(folder.resolve("changed.safetensors"), file, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private void load() {
        thread.run(() -> ModelLoader.load(folder, DType.FLOAT32).weights().close());
    }

    @Test
    void aGoodFolderLoadsAndGivesEverythingBack() {
        load();
    }

    @Test
    void aMissingFolderOrFileIsNamed() throws IOException {
        assertThatThrownBy(() -> ModelFolder.config(folder.resolve("nowhere")))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("nowhere");
        Files.delete(folder.resolve("model.safetensors"));
        assertThatThrownBy(this::load)
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("no weights");
        Files.delete(folder.resolve("config.json"));
        assertThatThrownBy(this::load)
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("config.json");
    }

    @Test
    void truncatedWeightsAreRefused() throws IOException {
        Path file = folder.resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, whole.length - 100));
        assertThatThrownBy(this::load)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("truncated");
    }

    @Test
    void anUnknownModelTypeNamesTheKnownOnes() throws IOException {
        config(c -> c.put("model_type", "parrot"));
        assertThatThrownBy(this::load)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("model_type (parrot)")
                .hasMessageContaining("llama")
                .hasMessageContaining("qwen3");
    }

    @ParameterizedTest
    @CsvSource({
        "qwen3_5, qwen3_5_text",
        "qwen3_5_moe, qwen3_5_moe_text",
        "gemma4_text, gemma4_unified_text",
        "mistral, llama_text",
        "qwen3, qwen3_vl_text",
        "qwen2, qwen2_5_vl_text",
        "qwen3_moe, qwen3_moe_text"
    })
    void theTextPartOfAModelThatSeesHasItsName(String model, String type) throws IOException {
        copy(model);
        config(c -> c.put("model_type", type));
        load();
        assertThat(ModelRegistry.canonical(type)).isNotEqualTo(type);
    }

    @Test
    void aTextPartOfNothingKnownIsUnknown() {
        assertThat(ModelRegistry.canonical("parrot_text")).isEqualTo("parrot_text");
        assertThat(ModelRegistry.canonical("gemma3_text")).isEqualTo("gemma3_text");
        assertThat(ModelRegistry.canonical("_text")).isEqualTo("_text");
    }

    @ParameterizedTest
    @CsvSource({
        "hidden_size, , has no hidden_size",
        "num_attention_heads, , has no num_attention_heads",
        "rms_norm_eps, , has no rms_norm_eps",
        "num_hidden_layers, 0, num_hidden_layers (0)",
        "vocab_size, -4, vocab_size (-4)",
        "num_key_value_heads, 3, num_key_value_heads (3)",
        "intermediate_size, 4096, shape",
        "vocab_size, 161, shape",
        "num_hidden_layers, 4, model.layers.3",
        "num_hidden_layers, 2, does not use",
        "hidden_size, 96, shape",
    })
    void aConfigThatLiesIsRefused(String field, Integer value, String reason) throws IOException {
        config(c -> {
            if (value == null) {
                c.remove(field);
            } else {
                c.put(field, value);
            }
        });
        assertThatThrownBy(this::load)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @CsvSource({"bits, 7, bits (7)", "mode, zip, mode (zip)", "group_size, 48, group_size (48)"})
    void aQuantizationThatLiesIsRefused(String field, String value, String reason) throws IOException {
        config(c -> {
            ObjectNode section = (ObjectNode) c.get("quantization");
            if (value.chars().allMatch(Character::isDigit)) {
                section.put(field, Integer.parseInt(value));
            } else {
                section.put(field, value);
            }
        });
        assertThatThrownBy(this::load)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void quantizedWeightsWithoutAWordOfItInTheConfigAreRefused() throws IOException {
        config(c -> {
            c.remove("quantization");
            c.remove("quantization_config");
        });
        assertThatThrownBy(this::load)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("no quantization");
    }

    @Test
    void missingAndUnknownTensorsAreNamed() {
        weights(t -> t.remove("model.layers.1.mlp.up_proj.weight"));
        assertThatThrownBy(this::load)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("model.layers.1.mlp.up_proj");
        weights(t -> t.put("model.layers.1.mlp.up_proj.weight", MlxArray.of(new float[] {1}, 1)));
        assertThatThrownBy(this::load).isInstanceOf(InvalidRequestException.class);
    }

    @Test
    void whatOlderExportsCarryAlongIsDropped() {
        weights(t -> t.put("model.layers.0.self_attn.rotary_emb.inv_freq", MlxArray.of(new float[] {1, 2}, 2)));
        load();
        weights(t -> t.put("model.extra", MlxArray.of(new float[] {1, 2}, 2)));
        assertThatThrownBy(this::load)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("model.extra");
    }

    @Test
    void aConfigThatIsNoJsonIsRefused() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{\"model_type\":");
        assertThatThrownBy(this::load)
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("not JSON");
    }
}
