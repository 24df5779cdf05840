package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.mlx.parse.OutputSink;
import java.util.List;
import java.util.Objects;

/**
 * What the blocking and the streaming chat model have in common. Held by reference, so that copies of a chat model
 * object, such as a Mockito spy, share it.
 */
final class MlxChatSupport {
    private final MlxModel model;
    private final MlxChatRequestParameters defaults;
    private final List<ChatModelListener> listeners;
    private final PromptNormalizer normalizer;

    MlxChatSupport(
            MlxModel model,
            MlxChatRequestParameters defaults,
            List<ChatModelListener> listeners,
            PromptNormalizer normalizer) {
        this.model = model;
        this.defaults = defaults;
        this.listeners = List.copyOf(listeners);
        this.normalizer = model.promptNormalizer().andThen(normalizer);
    }

    /** Starts a request; {@code pieces} hears of its answer while it is generated, or is null. */
    ChatExecution execution(ChatRequest request, OutputSink pieces) {
        List<ChatMessage> messages =
                request.messages().stream().map(this::normalized).toList();
        ChatRequest normalized = request.toBuilder().messages(messages).build();
        return new ChatExecution(model, normalized, MlxChatRequestParameters.from(request.parameters()), pieces)
                .start();
    }

    private ChatMessage normalized(ChatMessage message) {
        return Objects.requireNonNull(normalizer.normalize(message), "a promptNormalizer must not return null");
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
