package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import java.util.Objects;
import java.util.concurrent.Flow;

/** A request as a stream of events. Each subscription sends it anew. */
record ResponsePublisher(MlxChatSupport support, ChatRequest request)
        implements Flow.Publisher<ChatModelStreamingEvent> {

    @Override
    public void subscribe(Flow.Subscriber<? super ChatModelStreamingEvent> subscriber) {
        Objects.requireNonNull(subscriber, "subscriber");
        new ResponseSubscription(support, request, subscriber).start();
    }
}
