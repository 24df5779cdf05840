package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.mockito.ArgumentMatchers.any;
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
import org.junit.jupiter.api.Disabled;
import org.mockito.InOrder;

/** LangChain4j's contract of streaming chat models, over the demo model. */
class MlxStreamingChatModelIT extends AbstractStreamingChatModelIT {
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

    @Override
    @Disabled("the demo model calls one tool at a time; parallel calls are tested in the parser")
    protected void should_execute_multiple_tools_in_parallel_then_answer(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model knows no capitals and writes no JSON; StructuredOutputTest has the format")
    protected void should_respect_JSON_response_format(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model knows no capitals and writes no JSON; StructuredOutputTest has the format")
    protected void should_respect_JSON_response_format_with_schema(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model knows no capitals and writes no JSON; StructuredOutputTest has the format")
    protected void should_respect_JsonRawSchema_responseFormat(StreamingChatModel model) {}

    @Override
    @Disabled("the demo model knows no capitals and writes no JSON; StructuredOutputTest has the format")
    protected void should_execute_a_tool_then_answer_respecting_JSON_response_format_with_schema(
            StreamingChatModel model) {}

    @Override
    @Disabled("the demo model takes the other tool; RequiredToolCallTest has the choice")
    protected void should_force_LLM_to_execute_any_tool(StreamingChatModel model) {}

    /** A loaded model is one model: a request cannot choose another. */
    @Override
    protected boolean supportsModelNameParameter() {
        return false;
    }

    /** Text models only. */
    @Override
    protected boolean supportsSingleImageInputAsBase64EncodedString() {
        return false;
    }

    /** Text models only. */
    @Override
    protected boolean supportsSingleImageInputAsPublicURL() {
        return false;
    }
}
