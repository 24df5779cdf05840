package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
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

    /** Refused when it is built, and where a request says it. */
    private static void refused(
            UnaryOperator<MlxChatModel.Builder> settings, ChatRequestParameters request, String... parts) {
        assertThatThrownBy(() -> settings.apply(builder()).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll(parts);
        assertThatThrownBy(() -> builder()
                        .build()
                        .chat(ChatRequest.builder()
                                .messages(UserMessage.from("Hello!"))
                                .parameters(request)
                                .build()))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll(parts);
        assertThat(builder().build().chat("Hello!")).isEqualTo("Hello! How can I help you?");
    }

    @Test
    void aMissingFolderIsNamed() {
        assertThatThrownBy(() -> MlxModel.load("no/such/folder"))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("no/such/folder");
        assertThatThrownBy(() -> MlxModel.builder().build()).hasMessageContaining("modelPath (null)");
    }

    @Test
    void aNormalizerWithoutAMessageIsRefused() {
        assertThatThrownBy(() ->
                        builder().promptNormalizer(message -> null).build().chat("Hello!"))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("promptNormalizer (null for a message of type USER) must return a message");
    }

    /** LangChain4j 1.23 calls the attribute {@code audios()}. */
    @Test
    void audioOfAnAnswerIsRefusedAsImagesAre() {
        AiMessage spoken = AiMessage.builder()
                .text("Hello!")
                .attributes(Map.of("generated_audio", List.of("sound")))
                .build();
        assertThatThrownBy(() -> builder().build().chat(UserMessage.from("Hi!"), spoken, UserMessage.from("And now?")))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessage("audio in messages is not supported by this model");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, -100})
    void negativeLimitsAreRefused(int tokens) {
        refused(
                b -> b.maxOutputTokens(tokens),
                DefaultChatRequestParameters.builder().maxOutputTokens(tokens).build(),
                "maxOutputTokens (" + tokens + ") must be at least 1");
        assertThatThrownBy(() -> MlxModel.builder()
                        .modelPath(DemoModel.folder())
                        .contextLength(tokens)
                        .build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("contextLength (" + tokens + ")");
    }

    @Test
    void valuesOutOfRangeAreRefused() {
        refused(
                b -> b.temperature(-0.1),
                DefaultChatRequestParameters.builder().temperature(-0.1).build(),
                "temperature (-0.1) must be from 0 to 100");
        refused(
                b -> b.topP(1.5),
                DefaultChatRequestParameters.builder().topP(1.5).build(),
                "topP (1.5) must be from 0 to 1");
        refused(
                b -> b.topK(-3),
                DefaultChatRequestParameters.builder().topK(-3).build(),
                "topK (-3) must be at least 0");
        refused(
                b -> b.stopSequences(""),
                DefaultChatRequestParameters.builder().stopSequences("").build(),
                "stopSequences");
        refused(
                b -> b.stopSequences((String) null),
                DefaultChatRequestParameters.builder()
                        .stopSequences(Collections.singletonList(null))
                        .build(),
                "stopSequences [null] must be texts");
        refused(
                b -> b.defaultRequestParameters(DefaultChatRequestParameters.builder()
                        .frequencyPenalty(1e9)
                        .build()),
                DefaultChatRequestParameters.builder().frequencyPenalty(1e9).build(),
                "frequencyPenalty (1.0E9) must be from -1000000 to 1000000");
        ToolSpecification tool = ToolSpecification.builder().name("weather").build();
        refused(
                b -> b.toolSpecifications(List.of(tool, tool)),
                DefaultChatRequestParameters.builder()
                        .toolSpecifications(tool, tool)
                        .build(),
                "toolSpecifications (weather)");
    }

    @Test
    void settingsOfThisModuleAloneAreRefusedWhenBuilt() {
        for (UnaryOperator<MlxChatModel.Builder> bad : List.<UnaryOperator<MlxChatModel.Builder>>of(
                b -> b.minP(2.0),
                b -> b.xtcProbability(1.1),
                b -> b.xtcThreshold(0.6),
                b -> b.repetitionPenalty(0.0),
                b -> b.presencePenalty(Double.NaN),
                b -> b.penaltyWindow(0),
                b -> b.topLogprobs(21),
                b -> b.logitBias(Map.of(999_999, 1.0)),
                b -> b.logitBias(Map.of(1, Double.NaN)))) {
            assertThatThrownBy(() -> bad.apply(builder()).build())
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageMatching("(?s)\\w+ \\(.*\\) must .*");
        }
    }

    @Test
    void badSettingsAreRefusedBeforeAModelIsLoadedForThem() {
        assertThatThrownBy(() -> MlxStreamingChatModel.builder()
                        .modelPath("no/such/folder")
                        .temperature(-5.0)
                        .build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("temperature (-5.0) must be from 0 to 100");
    }

    @Test
    void aStreamingHandlerHearsOfABadRequest() {
        CompletableFuture<Throwable> error = new CompletableFuture<>();
        MlxStreamingChatModel.builder()
                .model(mlx)
                .build()
                .chat(
                        ChatRequest.builder()
                                .messages(UserMessage.from("Hello!"))
                                .temperature(-5.0)
                                .build(),
                        new StreamingChatResponseHandler() {
                            @Override
                            public void onCompleteResponse(ChatResponse response) {
                                error.complete(null);
                            }

                            @Override
                            public void onError(Throwable e) {
                                error.complete(e);
                            }
                        });
        assertThat(error.join())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("temperature (-5.0) must be from 0 to 100");
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
                        .modelPath(DemoModel.folder())
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
