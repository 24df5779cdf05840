package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.service.common.AbstractAiServiceWithJsonSchemaIT;
import java.util.List;
import org.junit.jupiter.api.AfterAll;

/** LangChain4j's suite over models that are told what a larger one would know. */
class MlxAiServiceWithJsonSchemaIT extends AbstractAiServiceWithJsonSchemaIT {
    private final ScriptedModels scripted = new ScriptedModels(SuiteAnswers::to);

    @AfterAll
    void close() {
        scripted.close();
    }

    @Override
    protected List<ChatModel> models() {
        return List.of(scripted.blocking());
    }

    /** References to definitions are part of the grammar. */
    @Override
    protected boolean supportsRecursion() {
        return true;
    }
}
