package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.mlx.testing.DemoModel;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** LangChain4j's contract of listeners of streams, over the demo model. A context of two tokens is what fails. */
class MlxStreamingChatModelListenerIT extends AbstractStreamingChatModelListenerIT {
    private static long handlesBefore;
    private static MlxModel mlx;
    private static MlxModel tiny;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        mlx = MlxModel.load(DemoModel.folder());
        tiny = MlxModel.builder().modelPath(DemoModel.folder()).contextLength(2).build();
    }

    @AfterAll
    static void nothingIsLeft() {
        mlx.close();
        tiny.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    @Override
    protected StreamingChatModel createModel(ChatModelListener listener) {
        return MlxStreamingChatModel.builder()
                .model(mlx)
                .temperature(temperature())
                .topP(topP())
                .maxOutputTokens(maxTokens())
                .listeners(listener)
                .build();
    }

    @Override
    protected String modelName() {
        return mlx.name();
    }

    @Override
    protected StreamingChatModel createFailingModel(ChatModelListener listener) {
        return MlxStreamingChatModel.builder().model(tiny).listeners(listener).build();
    }

    @Override
    protected Class<? extends Exception> expectedExceptionClass() {
        return InvalidRequestException.class;
    }
}
