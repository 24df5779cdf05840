package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatRequestOptions;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.spi.MlxStreamingChatModelBuilderFactory;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Flow;

/**
 * A chat model over MLX, inside this JVM, whose answers come in pieces while they are generated.
 *
 * <p>Thread-safe. All callbacks of a request run sequentially on one virtual thread, so a slow handler does not slow
 * the model down, and a handler may use the model. The last callback of a request is its end: {@code
 * onCompleteResponse}, or {@code onError} with why there is no response. If a handler throws an exception or an error,
 * it is passed to {@code onError} before that, and the answer continues.
 *
 * <p>A request is cancelled through the {@code StreamingHandle} of its callbacks, or, before the first one too, with a
 * {@link MlxCancellation}; it gets no callback any more then.
 */
public class MlxStreamingChatModel implements StreamingChatModel, AutoCloseable {
    private final MlxChatSupport support;

    /** Made by the builder, or by a subclass from its builder. */
    protected MlxStreamingChatModel(Builder builder) {
        this.support = builder.support(MlxStreamingChatModel.class);
    }

    /** Settings of a new chat model. */
    public static Builder builder() {
        return BuilderFactories.first(MlxStreamingChatModelBuilderFactory.class, Builder::new);
    }

    /**
     * Answers a request in pieces, and returns at once. What {@link MlxChatModel#chat} throws goes to {@code onError},
     * except for unsupported features, which are thrown.
     *
     * @throws UnsupportedFeatureException for what this model cannot do, before any work
     */
    @Override
    public void chat(ChatRequest request, ChatRequestOptions options, StreamingChatResponseHandler handler) {
        StreamingChatModel.super.chat(MemoryIds.attach(request), options, handler);
    }

    @Override
    public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
        MlxCancellation cancellation =
                MlxChatRequestParameters.from(request.parameters()).cancellation();
        StreamingEvents events = new StreamingEvents(handler, cancellation);
        if (events.isCancelled()) {
            return;
        }
        try {
            events.of(support.execution(request, events));
        } catch (UnsupportedFeatureException e) {
            events.cancel();
            throw e;
        } catch (Throwable e) {
            events.fail(e);
        }
    }

    /**
     * Answers a request as a stream of events, with LangChain4j 1.20 and later. Each subscription sends the request
     * again; its conversation is the one for which this method was called. What {@link MlxChatModel#chat} throws is the
     * stream's error.
     *
     * <p>Signals come one after the other on a virtual thread of the subscription, so a subscriber may wait, and use
     * the model. Demand is honoured, and what was not asked for yet is kept: the model does not wait for a subscriber,
     * and no more is kept than one answer. Cancelling the subscription cancels the request at any time, before its
     * first event too.
     */
    @Override
    public Flow.Publisher<ChatModelStreamingEvent> chat(ChatRequest request) {
        return StreamingChatModel.super.chat(MemoryIds.attach(request));
    }

    @Override
    public Flow.Publisher<ChatModelStreamingEvent> doChat(ChatRequest request) {
        return new ResponsePublisher(support, request);
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

    /** Settings of an {@link MlxStreamingChatModel}. */
    public static class Builder extends MlxChatBuilder<Builder> {

        /**
         * Makes the chat model; loads the MLX model if a path was given.
         *
         * @throws dev.langchain4j.exception.InvalidRequestException if a setting is missing or not valid
         */
        public MlxStreamingChatModel build() {
            return new MlxStreamingChatModel(this);
        }
    }
}
