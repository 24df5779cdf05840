package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.service.common.AbstractAiServiceIT;
import java.util.List;
import org.junit.jupiter.api.AfterAll;

/** LangChain4j's suite over models that are told what a larger one would know. */
class MlxAiServiceIT extends AbstractAiServiceIT {
    private final ScriptedModels scripted = new ScriptedModels(SuiteAnswers::to);

    @AfterAll
    void close() {
        scripted.close();
    }

    @Override
    protected List<ChatModel> models() {
        return List.of(scripted.blocking());
    }

    @Override
    protected Class<? extends TokenUsage> tokenUsageType(ChatModel model) {
        return MlxTokenUsage.class;
    }
}
