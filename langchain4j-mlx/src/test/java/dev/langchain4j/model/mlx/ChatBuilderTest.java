package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.AbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/** What the builders of this module have as LangChain4j's other modules have it, and what is logged. */
class ChatBuilderTest {
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

    /** Keeps what is logged, as "LEVEL message". */
    private static final class Lines extends AbstractLogger {
        private static final long serialVersionUID = 1;
        private final transient List<String> lines = new ArrayList<>();

        @Override
        protected String getFullyQualifiedCallerName() {
            return null;
        }

        @Override
        protected void handleNormalizedLoggingCall(
                Level level, Marker marker, String message, Object[] arguments, Throwable throwable) {
            lines.add(level + " " + MessageFormatter.basicArrayFormat(message, arguments));
        }

        @Override
        public boolean isTraceEnabled() {
            return true;
        }

        @Override
        public boolean isTraceEnabled(Marker marker) {
            return true;
        }

        @Override
        public boolean isDebugEnabled() {
            return true;
        }

        @Override
        public boolean isDebugEnabled(Marker marker) {
            return true;
        }

        @Override
        public boolean isInfoEnabled() {
            return true;
        }

        @Override
        public boolean isInfoEnabled(Marker marker) {
            return true;
        }

        @Override
        public boolean isWarnEnabled() {
            return true;
        }

        @Override
        public boolean isWarnEnabled(Marker marker) {
            return true;
        }

        @Override
        public boolean isErrorEnabled() {
            return true;
        }

        @Override
        public boolean isErrorEnabled(Marker marker) {
            return true;
        }
    }

    private static List<String> logged(boolean requests, boolean responses) {
        Lines log = new Lines();
        ChatLog chat = new ChatLog(log, requests, responses);
        chat.request("demo", 7, "<|im_start|>secret");
        chat.response(
                "demo",
                ChatResponse.builder().aiMessage(AiMessage.from("whisper")).build());
        return log.lines;
    }

    @Test
    void whatUsersSayIsLoggedAtDebugUnlessTheApplicationWantsItAtInfo() {
        assertThat(logged(false, false)).hasSize(2).allMatch(line -> line.startsWith("DEBUG "));
        assertThat(logged(true, false).get(0)).isEqualTo("INFO prompt for demo (7 tokens):\n<|im_start|>secret");
        assertThat(logged(true, false).get(1)).startsWith("DEBUG ").contains("whisper");
        assertThat(logged(false, true).get(0)).startsWith("DEBUG ");
        assertThat(logged(false, true).get(1)).startsWith("INFO ").contains("whisper");
    }

    @Test
    void aLoadIsOneLineForOperators() {
        Lines log = new Lines();
        NativeParts.logLoaded(log, "demo", "qwen3 in FLOAT32", mlx.thread(), 5 << 20, "context 4096 tokens");
        assertThat(log.lines)
                .singleElement()
                .asString()
                .matches("INFO loaded demo: qwen3 in FLOAT32 on the (CPU|GPU), weights 5 MiB; "
                        + "all models hold \\d+ of \\d+ MiB; context 4096 tokens");
    }

    @Test
    void capabilitiesAreWhatTheBuilderSays() {
        MlxChatModel.Builder builder = MlxChatModel.builder().model(mlx);
        assertThat(builder.build().supportedCapabilities()).containsExactly(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
        assertThat(builder.supportedCapabilities().build().supportedCapabilities())
                .isEmpty();
        assertThat(MlxStreamingChatModel.builder()
                        .model(mlx)
                        .supportedCapabilities(Capability.RESPONSE_FORMAT_JSON_SCHEMA)
                        .build()
                        .supportedCapabilities())
                .hasSize(1);
    }

    @Test
    void aToolChoiceIsADefaultOfRequests() {
        MlxChatModel chat = MlxChatModel.builder()
                .model(mlx)
                .toolChoice(ToolChoice.REQUIRED)
                .build();
        assertThat(chat.defaultRequestParameters().toolChoice()).isEqualTo(ToolChoice.REQUIRED);
        assertThat(chat.provider()).isEqualTo(ModelProvider.OTHER);
    }

    @Test
    void everyBuilderAsksTheHubThatItIsGiven(@TempDir Path cache) {
        HuggingFaceHub hub =
                HuggingFaceHub.builder().cacheFolder(cache).offline(true).build();
        String name = "nobody/nothing";
        for (ThrowingCallable build : List.<ThrowingCallable>of(
                () -> MlxModel.builder().modelName(name).hub(hub).build(),
                () -> MlxChatModel.builder().modelName(name).hub(hub).build(),
                () -> MlxStreamingChatModel.builder().modelName(name).hub(hub).build(),
                () -> MlxEmbeddingModel.builder().modelName(name).hub(hub).build(),
                () -> MlxScoringModel.builder().modelName(name).hub(hub).build())) {
            assertThatThrownBy(build).hasMessageContaining("offline");
        }
    }
}
