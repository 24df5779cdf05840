package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What cannot be served is refused with name, value and rule, before any work; other requests go on. */
class BadRequestTest {
    private static long handlesBefore;
    private static MlxModel mlx;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        mlx = MlxModel.load(DemoModel.folder());
    }

    @AfterAll
    static void nothingIsLeft() {
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static MlxChatModel.Builder builder() {
        return MlxChatModel.builder().model(mlx).temperature(0.0);
    }

    private static void refused(ChatModel chat, String... parts) {
        assertThatThrownBy(() -> chat.chat("Hello!"))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll(parts);
        assertThat(builder().build().chat("Hello!")).isEqualTo("Hello! How can I help you?");
    }

    @Test
    void aMissingFolderIsNamed() {
        assertThatThrownBy(() -> MlxModel.load("no/such/folder"))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("no/such/folder");
        assertThatThrownBy(() -> MlxModel.builder().build()).hasMessageContaining("path (null)");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, -100})
    void negativeLimitsAreRefused(int tokens) {
        refused(builder().maxOutputTokens(tokens).build(), "maxOutputTokens", "" + tokens);
        assertThatThrownBy(() -> MlxModel.builder()
                        .path(DemoModel.folder())
                        .contextLength(tokens)
                        .build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("contextLength (" + tokens + ")");
    }

    @Test
    void valuesOutOfRangeAreRefused() {
        refused(builder().temperature(-0.1).build(), "temperature", "-0.1");
        refused(builder().topP(1.5).build(), "topP", "1.5");
        refused(builder().topK(-3).build(), "topK", "-3");
        refused(builder().minP(2.0).build(), "minP", "2.0");
        refused(builder().repetitionPenalty(0.0).build(), "repetitionPenalty", "0.0");
        refused(builder().stopSequences("").build(), "stopSequences");
        refused(builder().logitBias(java.util.Map.of(999_999, 1.0)).build(), "logitBias", "999999");
    }

    @Test
    void aPromptLongerThanTheContextIsRefused() {
        assertThatThrownBy(() -> builder().build().chat("very long ".repeat(4000)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("4096 tokens");
    }

    @Test
    void aContextBeyondWhatTheModelWasMadeForIsRefused() {
        assertThatThrownBy(() -> MlxModel.builder()
                        .path(DemoModel.folder())
                        .contextLength(1 << 20)
                        .build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("contextLength (1048576)")
                .hasMessageContaining("4096");
    }

    @Test
    void aChatModelNeedsOneModel() {
        assertThatThrownBy(() -> MlxChatModel.builder().build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("model (null)");
        assertThatThrownBy(() -> builder().modelPath(Path.of("x")).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("only one");
    }

    @Test
    void aClosedModelSaysSo() {
        MlxModel closed = MlxModel.load(DemoModel.folder());
        closed.close();
        closed.close();
        assertThatThrownBy(() -> MlxChatModel.builder().model(closed).build().chat("Hello!"))
                .isInstanceOf(NonRetriableException.class)
                .hasMessageContaining("closed");
    }
}
