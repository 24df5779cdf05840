package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Contexts beyond what a folder says need a scaling that somebody asked for, which the prompt cache tells apart. */
class RopeScalingTest {
    private static final String TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}";

    private final long handles = LiveHandles.count();

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static ModelConfig config(Consumer<ObjectNode> change) {
        ObjectNode json = new ObjectMapper()
                .createObjectNode()
                .put("model_type", "qwen3")
                .put("num_attention_heads", 2)
                .put("max_position_embeddings", 4096);
        change.accept(json);
        return new ModelConfig(json, "config.json");
    }

    @Test
    void aLongerContextNeedsAScaling() {
        ModelConfig plain = config(c -> {});
        assertThat(ContextLimit.of(plain, null, null).tokens()).isEqualTo(4096);
        assertThat(ContextLimit.of(plain, RopeScaling.yarn(4), null).tokens()).isEqualTo(16_384);
        assertThat(ContextLimit.of(plain, RopeScaling.yarn(4, 2048), null).tokens())
                .isEqualTo(8192);
        assertThat(ContextLimit.of(plain, RopeScaling.linear(2), 5000).tokens()).isEqualTo(5000);
        assertThatThrownBy(() -> ContextLimit.of(plain, null, 4097))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll("contextLength (4097)", "4096", "ropeScaling");
        assertThatThrownBy(() -> ContextLimit.of(plain, RopeScaling.yarn(2), 8193))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll("contextLength (8193)", "8192", "YARN");
    }

    @Test
    void whatAFolderSaysOfYarnIsItsContext() {
        ModelConfig yarn = config(c -> c.putObject("rope_parameters")
                .put("rope_type", "yarn")
                .put("factor", 4)
                .put("original_max_position_embeddings", 4096));
        assertThat(ContextLimit.of(yarn, null, null).tokens()).isEqualTo(16_384);
        assertThat(ContextLimit.of(yarn, null, 16_384).tokens()).isEqualTo(16_384);
    }

    @ParameterizedTest
    @ValueSource(strings = {"nemotron_h", "kimi_linear"})
    void anArchitectureWithoutRotaryPositionsHasNothingToScale(String type) {
        ModelConfig config = config(c -> c.put("model_type", type).put("rope_theta", 10_000));
        assertThat(ContextLimit.of(config, null, null).tokens()).isEqualTo(4096);
        assertThatThrownBy(() -> ContextLimit.of(config, RopeScaling.yarn(2), null))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll("ropeScaling (yarn by 2.0)", "rotary positions", type);
    }

    @Test
    void otherPositionsAreAnotherKeyOfThePromptCache() {
        ModelConfig longrope = config(c -> {
            c.put("original_max_position_embeddings", 64);
            ObjectNode scaling = c.putObject("rope_scaling").put("type", "longrope");
            scaling.putArray("short_factor").add(1);
            scaling.putArray("long_factor").add(4);
        });
        ModelConfig plain = config(c -> {});
        assertThat(List.of(
                        ContextLimit.of(plain, null, null).key(),
                        ContextLimit.of(plain, RopeScaling.yarn(4), null).key(),
                        ContextLimit.of(plain, RopeScaling.yarn(4, 2048), null).key(),
                        ContextLimit.of(plain, RopeScaling.linear(4), null).key(),
                        ContextLimit.of(longrope, null, 64).key()))
                .doesNotHaveDuplicates();
        assertThat(ContextLimit.of(plain, null, 10).key()).isEmpty();
        assertThat(ContextLimit.of(longrope, null, 65).key()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -1, 0.99, Double.NaN, Double.POSITIVE_INFINITY})
    void factorsBelowOneAreRefused(double factor) {
        assertThatThrownBy(() -> RopeScaling.yarn(factor))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("factor (" + factor + ")");
        assertThatThrownBy(() -> RopeScaling.linear(factor)).isInstanceOf(InvalidRequestException.class);
    }

    @Test
    void anOriginalContextBelowOneIsRefused() {
        assertThatThrownBy(() -> RopeScaling.yarn(2, 0)).hasMessageContaining("originalContext (0)");
    }

    @Test
    void aModelAnswersWithIt(@TempDir Path folder) {
        RandomModel.write(folder, TEMPLATE, List.of(), 4);
        try (MlxModel model = MlxModel.builder()
                .modelPath(folder)
                .ropeScaling(RopeScaling.yarn(2))
                .contextLength((1 << 16) + 1)
                .build()) {
            assertThat(model.contextLength()).isEqualTo((1 << 16) + 1);
            MlxChatModel chat =
                    MlxChatModel.builder().model(model).maxOutputTokens(3).build();
            assertThat(chat.chat("one two three")).isNotNull();
        }
    }
}
