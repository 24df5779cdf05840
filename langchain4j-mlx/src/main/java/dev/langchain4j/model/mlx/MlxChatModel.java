package dev.langchain4j.model.mlx;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.ChatRequestOptions;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.spi.MlxChatModelBuilderFactory;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * A chat model over MLX, inside this JVM. Answers are returned as a whole; see {@link MlxStreamingChatModel} for
 * streaming.
 *
 * <p>Thread-safe. Requests of all chat models over one {@link MlxModel} share it: as many run at the same time as
 * {@link MlxModel.Builder#maxConcurrent} says, the others wait. Interrupting a waiting thread cancels its request, and
 * so does a {@link MlxCancellation}.
 */
public class MlxChatModel implements ChatModel, AutoCloseable {
    private final MlxChatSupport support;

    /** Made by the builder, or by a subclass from its builder. */
    protected MlxChatModel(Builder builder) {
        this.support = builder.support(MlxChatModel.class);
    }

    /** Settings of a new chat model. */
    public static Builder builder() {
        return BuilderFactories.first(MlxChatModelBuilderFactory.class, Builder::new);
    }

    /**
     * Answers a request.
     *
     * @throws dev.langchain4j.exception.InvalidRequestException for invalid values, or a prompt longer than the context
     * @throws dev.langchain4j.exception.UnsupportedFeatureException for what this model cannot do, before any work
     * @throws dev.langchain4j.exception.TimeoutException if the request exceeds its time, waiting or running
     * @throws dev.langchain4j.exception.RateLimitException if too many requests wait for this model already
     * @throws dev.langchain4j.exception.InternalServerException if MLX fails
     * @throws dev.langchain4j.exception.NonRetriableException if the model is closed, the JVM shuts down, the request
     *     was cancelled, the caller interrupted, or the caller is the model's own thread
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

    /**
     * Answers a request without blocking the caller, with LangChain4j 1.20 and later. What {@link #chat} throws is in
     * the future. Cancelling the future cancels the request, whether it waits, prefills or decodes. Continuations of
     * the future run on a virtual thread of the request, so they may wait, and use the model.
     */
    @Override
    public CompletableFuture<ChatResponse> chatAsync(ChatRequest request, ChatRequestOptions options) {
        return ChatModel.super.chatAsync(MemoryIds.attach(request), options);
    }

    @Override
    public CompletableFuture<ChatResponse> doChatAsync(ChatRequest request) {
        return Futures.call("mlx-chat", () -> support.execution(request, null).await());
    }

    @Override
    public ChatRequestParameters defaultRequestParameters() {
        return support.defaults();
    }

    /** What the builder says. */
    @Override
    public Set<Capability> supportedCapabilities() {
        return support.capabilities();
    }

    @Override
    public List<ChatModelListener> listeners() {
        return support.listeners();
    }

    /** 1.19's list of providers has none of this name. */
    @Override
    public ModelProvider provider() {
        return ModelProvider.OTHER;
    }

    /**
     * The model that this one runs on.
     *
     * @throws dev.langchain4j.exception.NonRetriableException if this chat model is closed
     */
    public MlxModel model() {
        return support.model();
    }

    /**
     * Releases the model if it was loaded by name or path. The last user frees it, after its running requests. Later
     * requests fail with a NonRetriableException. Does not close a model that the builder was given. Idempotent.
     */
    @Override
    public void close() {
        support.close();
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
