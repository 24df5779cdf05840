package dev.langchain4j.model.mlx.arch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What towers ask of config.json and of pictures. */
class TowerConfigTest {

    /** Loads a folder with another value of a field; no value leaves config.json as it is. */
    private static void load(String name, String section, String field, String value, Consumer<ModelLoader.Loaded> use)
            throws Exception {
        Path folder = Goldens.own("towers").resolve(name);
        ModelConfig config = ModelFolder.config(folder);
        if (value != null) {
            ObjectNode changed = config.json().deepCopy();
            JsonNode part = section == null ? changed : changed.get(section);
            ((ObjectNode) part).set(field, new ObjectMapper().readTree(value));
            config = new ModelConfig(changed, config.where());
        }
        load(folder, config, use);
    }

    private static void load(Path folder, ModelConfig config, Consumer<ModelLoader.Loaded> use) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("towers")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded = ModelLoader.load(folder, config, DType.FLOAT32, false, null, false);
                try (Scope scope = Scope.open()) {
                    use.accept(loaded);
                } finally {
                    loaded.weights().close();
                }
            });
        } finally {
            assertThat(LiveHandles.count()).isEqualTo(handles);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "gemma3|vision_config|num_attention_heads|5",
                "gemma3|vision_config|hidden_act|\"mish\"",
                "gemma3|vision_config|image_size|3",
                "gemma3|vision_config|num_hidden_layers|5",
                "mistral3|vision_config|num_hidden_layers|5",
                "gemma3||mm_tokens_per_image|10",
                "gemma4|vision_config|head_dim|6",
                "gemma4|vision_config|num_key_value_heads|3",
                "llava||vision_feature_layer|[0, 4]",
                "llava||vision_feature_select_strategy|\"default\""
            })
    void aTowerThatDoesNotFitIsLeftOutAndTextWorks(String name, String section, String field, String value)
            throws Exception {
        load(name, section, field, value, loaded -> assertThat(loaded.tower()).isNull());
    }

    @ParameterizedTest
    @CsvSource({"gemma4-shared, pad_token_id, 48", "idefics3, model_type, '\"gemma\"'"})
    void aTextPartThatDoesNotFitIsRefusedByName(String name, String field, String value) {
        assertThatThrownBy(() -> load(name, "text_config", field, value, loaded -> {}))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(field);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma3", "gemma4", "idefics3", "llava", "mistral3"})
    void withoutItsTowerAFolderIsALanguageModel(String name) {
        Path folder = Goldens.own("towers").resolve(name);
        load(folder, TextPart.withoutTower(ModelFolder.config(folder)), loaded -> assertThat(loaded.tower())
                .isNull());
    }

    @ParameterizedTest
    @CsvSource({"llava, clip_vision_model", "gemma4, gemma4_unified_vision"})
    void aTowerOfAnotherKindIsLeftOutAndTextWorks(String name, String kind) throws Exception {
        load(name, "vision_config", "model_type", "\"" + kind + "\"", loaded -> assertThat(loaded.tower())
                .isNull());
    }

    @Test
    void onlyGemmaAttendsBothWays() throws Exception {
        load("gemma3", null, null, null, l -> assertThat(l.tower().attendsBothWays())
                .isTrue());
        load("gemma4", null, null, null, l -> assertThat(l.tower().attendsBothWays())
                .isTrue());
        load("gemma4", "text_config", "use_bidirectional_attention", "null", l -> assertThat(
                        l.tower().attendsBothWays())
                .isFalse());
        load("mistral3", null, null, null, l -> assertThat(l.tower().attendsBothWays())
                .isFalse());
    }

    @Test
    void picturesOfAnotherShapeAreRefused() throws Exception {
        load("gemma3", null, null, null, loaded -> refuses(loaded, 3, 24, 28));
        load("gemma3", null, null, null, loaded -> refuses(loaded, 1, 29, 29));
        load("mistral3", null, null, null, loaded -> refuses(loaded, 3, 2, 28));
        load("gemma4", null, null, null, loaded -> refuses(loaded, 3, 8, 17 * 4));
    }

    private static void refuses(ModelLoader.Loaded loaded, int... shape) {
        float[] pixels = new float[shape[0] * shape[1] * shape[2]];
        ProcessedImage image = new ProcessedImage(pixels, shape, new int[0], shape[1], shape[2], 1, "");
        assertThatThrownBy(() -> loaded.tower().encode(image)).isInstanceOf(IllegalArgumentException.class);
    }
}
