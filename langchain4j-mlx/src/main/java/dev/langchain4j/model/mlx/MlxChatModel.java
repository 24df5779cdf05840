package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.ChatRequestOptions;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import java.util.List;
import java.util.Set;

/**
 * A chat model over MLX, inside this JVM. Answers come whole; see {@link MlxStreamingChatModel} for pieces.
 *
 * <p>Thread-safe. Requests of all chat models over one {@link MlxModel} share it: as many run at the same time as
 * {@link MlxModel.Builder#maxConcurrent} says, the others wait. Interrupting a waiting thread cancels its request, and so
 * does a {@link MlxCancellation}.
 */
public class MlxChatModel implements ChatModel {
    private final MlxChatSupport support;

    /** Made by the builder, or by a subclass from its builder. */
    protected MlxChatModel(Builder builder) {
        this.support = builder.support();
    }

    /** Settings of a new chat model. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Answers a request.
     *
     * @throws dev.langchain4j.exception.InvalidRequestException for bad values, or a prompt longer than the context
     * @throws dev.langchain4j.exception.UnsupportedFeatureException for what this model cannot do, before any work
     * @throws dev.langchain4j.exception.TimeoutException if the request's time is over, waiting or running
     * @throws dev.langchain4j.exception.RateLimitException if too many requests wait for this model already
     * @throws dev.langchain4j.exception.InternalServerException if MLX fails
     * @throws dev.langchain4j.exception.NonRetriableException if the model is closed, the JVM shuts down, the request was
     *     cancelled, the caller interrupted, or the caller is the model's own thread
     */
    @Override
    public ChatResponse chat(ChatRequest request, ChatRequestOptions options) {
        return ChatModel.super.chat(MemoryIds.attach(request), options);
    }

    @Override
    public ChatResponse doChat(ChatRequest request) {
        Failures.refuseWaiting(support.model(), "chat");
        return support.execution(request, null).await();
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return support.defaults();
    }

    /** Answers conform to a JSON schema, because tokens that would break it are never drawn. */
    @Override
    public Set<Capability> supportedCapabilities() {
        return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
    }

    @Override
    public List<ChatModelListener> listeners() {
        return support.listeners();
    }

    /** The model that this one runs on. */
    public MlxModel model() {
        return support.model();
    }

    /** Settings of an {@link MlxChatModel}. */
    public static class Builder extends MlxChatBuilder<Builder> {

        /**
         * Makes the chat model; loads the MLX model if a path was given.
         *
         * @throws dev.langchain4j.exception.InvalidRequestException if a setting is missing or not valid
         */
        public MlxChatModel build() {
            return new MlxChatModel(this);
        }
    }
}
