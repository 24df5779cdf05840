package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import java.util.List;

/**
 * What the blocking and the streaming chat model have in common. Held by reference, so that copies of a chat model
 * object, such as a Mockito spy, share it.
 */
final class MlxChatSupport {
    private final MlxModel model;
    private final MlxChatRequestParameters defaults;
    private final List<ChatModelListener> listeners;

    MlxChatSupport(MlxModel model, MlxChatRequestParameters defaults, List<ChatModelListener> listeners) {
        this.model = model;
        this.defaults = defaults;
        this.listeners = List.copyOf(listeners);
    }

    ChatExecution execution(ChatRequest request, ChatExecution.Pieces pieces) {
        return new ChatExecution(model, request, MlxChatRequestParameters.from(request.parameters()), pieces).start();
    }

    MlxModel model() {
        return model;
    }

    MlxChatRequestParameters defaults() {
        return defaults;
    }

    List<ChatModelListener> listeners() {
        return listeners;
    }
}
