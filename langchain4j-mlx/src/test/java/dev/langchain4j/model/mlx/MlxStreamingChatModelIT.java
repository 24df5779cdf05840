package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.argThat;
import static org.mockito.Mockito.atLeastOnce;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.output.TokenUsage;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.mockito.InOrder;

/** LangChain4j's contract of streaming chat models, over the demo model. */
class MlxStreamingChatModelIT extends AbstractStreamingChatModelIT {
    private static long handlesBefore;
    private static MlxModel mlx;
    private static ScriptedModels scripted;
    private static PictureServer pictures;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        mlx = MlxModel.load(DemoModel.folder());
        scripted = new ScriptedModels(SuiteAnswers::to);
        pictures = new PictureServer();
    }

    @AfterAll
    static void nothingIsLeft() {
        pictures.close();
        scripted.close();
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    @Override
    protected List<StreamingChatModel> models() {
        return List.of(
                MlxStreamingChatModel.builder().model(mlx).temperature(0.0).build());
    }

    @Override
    protected StreamingChatModel createModelWith(ChatRequestParameters parameters) {
        return MlxStreamingChatModel.builder()
                .model(mlx)
                .defaultRequestParameters(parameters)
                .build();
    }

    @Override
    public StreamingChatModel createModelWith(ChatModelListener listener) {
        return MlxStreamingChatModel.builder()
                .model(mlx)
                .temperature(0.0)
                .listeners(listener)
                .build();
    }

    @Override
    protected void verifyToolCallbacks(StreamingChatResponseHandler handler, InOrder io, String id) {
        io.verify(handler, atLeastOnce()).onPartialToolCall(any(), any());
        io.verify(handler).onCompleteToolCall(complete(0, id, "getWeather", "{\"city\":\"Munich\"}"));
    }

    @Override
    protected void verifyToolCallbacks(StreamingChatResponseHandler handler, InOrder io, String id1, String id2) {
        io.verify(handler, atLeastOnce()).onPartialToolCall(argThat(piece -> piece.index() == 0), any());
        io.verify(handler).onCompleteToolCall(complete(0, id1, "getWeather", "{\"city\":\"Munich\"}"));
        io.verify(handler, atLeastOnce()).onPartialToolCall(argThat(piece -> piece.index() == 1), any());
        io.verify(handler).onCompleteToolCall(complete(1, id2, "getTime", "{\"country\":\"France\"}"));
    }

    /** The demo model is terse: most of its answers to this question end before five tokens. */
    @Override
    protected int maxOutputTokens() {
        return 2;
    }

    @Override
    protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
        return MlxChatRequestParameters.builder()
                .maxOutputTokens(maxOutputTokens)
                .build();
    }

    @Override
    protected Class<? extends ChatResponseMetadata> chatResponseMetadataType(StreamingChatModel model) {
        return MlxChatResponseMetadata.class;
    }

    @Override
    protected Class<? extends TokenUsage> tokenUsageType(StreamingChatModel model) {
        return MlxTokenUsage.class;
    }

    // ---- what takes knowledge that the demo model lacks: capitals, JSON, two calls at a time ------------------------

    static List<StreamingChatModel> knowing() {
        return List.of(scripted.streaming());
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_respect_JSON_response_format(StreamingChatModel model) {
        super.should_respect_JSON_response_format(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_respect_JSON_response_format_with_schema(StreamingChatModel model) {
        super.should_respect_JSON_response_format_with_schema(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_respect_JsonRawSchema_responseFormat(StreamingChatModel model) {
        super.should_respect_JsonRawSchema_responseFormat(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_execute_a_tool_then_answer_respecting_JSON_response_format_with_schema(
            StreamingChatModel model) {
        super.should_execute_a_tool_then_answer_respecting_JSON_response_format_with_schema(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_force_LLM_to_execute_any_tool(StreamingChatModel model) {
        super.should_force_LLM_to_execute_any_tool(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_execute_multiple_tools_in_parallel_then_answer(StreamingChatModel model) {
        super.should_execute_multiple_tools_in_parallel_then_answer(model);
    }

    /** A loaded model is one model: a request cannot choose another. */
    @Override
    protected boolean supportsModelNameParameter() {
        return false;
    }

    // ---- what takes eyes, which the demo model lacks ------------------------------------------------------------

    @Override
    protected List<StreamingChatModel> modelsSupportingImageInputs() {
        return List.of(pictures.models().streaming());
    }

    @Override
    protected String catImageUrl() {
        return pictures.url("cat.jpg");
    }

    @Override
    protected String diceImageUrl() {
        return pictures.url("dice.jpg");
    }
}
