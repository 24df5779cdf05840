package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.service.common.AbstractStreamingAiServiceIT;
import java.util.List;
import org.junit.jupiter.api.AfterAll;

/** LangChain4j's suite over models that are told what a larger one would know. */
class MlxStreamingAiServiceIT extends AbstractStreamingAiServiceIT {
    private final ScriptedModels scripted = new ScriptedModels(SuiteAnswers::to);

    @AfterAll
    void close() {
        scripted.close();
    }

    @Override
    protected List<StreamingChatModel> models() {
        return List.of(scripted.streaming());
    }

    @Override
    protected Class<? extends ChatResponseMetadata> chatResponseMetadataType(StreamingChatModel model) {
        return MlxChatResponseMetadata.class;
    }

    @Override
    protected Class<? extends TokenUsage> tokenUsageType(StreamingChatModel model) {
        return MlxTokenUsage.class;
    }
}
