package dev.langchain4j.model.mlx;

import dev.langchain4j.data.image.Image;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.service.common.AbstractAiServiceWithToolsIT;
import java.util.List;
import org.junit.jupiter.api.AfterAll;

/** LangChain4j's suite over models that are told what a larger one would know. */
class MlxAiServiceWithToolsIT extends AbstractAiServiceWithToolsIT {
    private final ScriptedModels scripted = new ScriptedModels(SuiteAnswers::to);

    @AfterAll
    void close() {
        scripted.close();
    }

    @Override
    protected List<ChatModel> models() {
        return List.of(scripted.blocking());
    }

    /** A picture of this test's own, so that it needs no network. */
    @Override
    protected Image catImage() {
        return Image.builder().base64Data("AAAA").mimeType("image/png").build();
    }

    /** References to definitions are part of the grammar. */
    @Override
    protected boolean supportsRecursion() {
        return true;
    }
}
