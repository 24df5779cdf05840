package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelIT;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.output.TokenUsage;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** LangChain4j's contract of chat models, over the demo model. */
class MlxChatModelIT extends AbstractChatModelIT {
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
    protected List<ChatModel> models() {
        return List.of(MlxChatModel.builder().model(mlx).temperature(0.0).build());
    }

    @Override
    protected ChatModel createModelWith(ChatRequestParameters parameters) {
        return MlxChatModel.builder()
                .model(mlx)
                .defaultRequestParameters(parameters)
                .build();
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
    protected Class<? extends ChatResponseMetadata> chatResponseMetadataType(ChatModel model) {
        return MlxChatResponseMetadata.class;
    }

    @Override
    protected Class<? extends TokenUsage> tokenUsageType(ChatModel model) {
        return MlxTokenUsage.class;
    }

    // ---- what takes knowledge that the demo model lacks: capitals, JSON, two calls at a time ------------------------

    static List<ChatModel> knowing() {
        return List.of(scripted.blocking());
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_respect_JSON_response_format(ChatModel model) {
        super.should_respect_JSON_response_format(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_respect_JSON_response_format_with_schema(ChatModel model) {
        super.should_respect_JSON_response_format_with_schema(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_respect_JsonRawSchema_responseFormat(ChatModel model) {
        super.should_respect_JsonRawSchema_responseFormat(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_execute_a_tool_then_answer_respecting_JSON_response_format_with_schema(ChatModel model) {
        super.should_execute_a_tool_then_answer_respecting_JSON_response_format_with_schema(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_force_LLM_to_execute_any_tool(ChatModel model) {
        super.should_force_LLM_to_execute_any_tool(model);
    }

    @Override
    @ParameterizedTest
    @MethodSource("knowing")
    protected void should_execute_multiple_tools_in_parallel_then_answer(ChatModel model) {
        super.should_execute_multiple_tools_in_parallel_then_answer(model);
    }

    /** A loaded model is one model: a request cannot choose another. */
    @Override
    protected boolean supportsModelNameParameter() {
        return false;
    }

    // ---- what takes eyes, which the demo model lacks ------------------------------------------------------------

    @Override
    protected List<ChatModel> modelsSupportingImageInputs() {
        return List.of(pictures.models().blocking());
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
