package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.mlx.parse.OutputSink;
import java.util.List;
import java.util.Set;

/**
 * What the blocking and the streaming chat model have in common. Held by reference, so that copies of a chat model
 * object, such as a Mockito spy, share it.
 */
final class MlxChatSupport {
    private final SharedModels.Share share;
    private final MlxChatRequestParameters defaults;
    private final List<ChatModelListener> listeners;
    private final PromptNormalizer normalizer;
    private final ContextOverflow overflow;
    private final Set<Capability> capabilities;
    private final ChatLog log;

    MlxChatSupport(
            SharedModels.Share share,
            MlxChatRequestParameters defaults,
            List<ChatModelListener> listeners,
            PromptNormalizer normalizer,
            ContextOverflow overflow,
            Set<Capability> capabilities,
            ChatLog log) {
        this.share = share;
        this.defaults = defaults;
        this.listeners = List.copyOf(listeners);
        this.normalizer = share.model().promptNormalizer().andThen(normalizer);
        this.overflow = overflow;
        this.capabilities = Set.copyOf(capabilities);
        this.log = log;
    }

    /** Starts a request; {@code pieces} hears of its answer while it is generated, or is null. */
    ChatExecution execution(ChatRequest request, OutputSink pieces) {
        MlxModel model = share.model();
        List<ChatMessage> messages =
                request.messages().stream().map(this::normalized).toList();
        ChatRequest normalized = request.toBuilder().messages(messages).build();
        return new ChatExecution(model, normalized, MlxChatRequestParameters.from(request.parameters()), pieces)
                .logging(log)
                .onOverflow(overflow)
                .start();
    }

    private ChatMessage normalized(ChatMessage message) {
        return normalized(normalizer, message);
    }

    /** @throws InvalidRequestException if the normalizer returns null */
    static ChatMessage normalized(PromptNormalizer normalizer, ChatMessage message) {
        ChatMessage normalized = normalizer.normalize(message);
        if (normalized == null) {
            throw new InvalidRequestException(
                    "promptNormalizer (null for a message of type " + message.type() + ") must return a message");
        }
        return normalized;
    }

    MlxModel model() {
        return share.model();
    }

    Set<Capability> capabilities() {
        return capabilities;
    }

    /** Gives back a model that was loaded for this chat model. Idempotent. */
    void close() {
        share.close();
    }

    MlxChatRequestParameters defaults() {
        return defaults;
    }

    List<ChatModelListener> listeners() {
        return listeners;
    }
}
