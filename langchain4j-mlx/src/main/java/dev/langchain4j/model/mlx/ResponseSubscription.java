package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.mlx.parse.OutputSink;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Flow;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A subscriber's request: what the model says, as events for which there is demand.
 *
 * <p>The model's thread only puts events into a queue, which holds no more than the answer. A virtual thread, which
 * lives as long as the request, starts it and calls the subscriber: one signal after the other, events only as far as
 * they were asked for, and nothing after {@link #cancel}. A subscriber that throws is cancelled.
 */
final class ResponseSubscription implements Flow.Subscription, OutputSink {
    private static final Logger log = LoggerFactory.getLogger(ResponseSubscription.class);

    private final MlxChatSupport support;
    private final ChatRequest request;
    private final Flow.Subscriber<? super ChatModelStreamingEvent> subscriber;

    // Guarded by this.
    private final Queue<ChatModelStreamingEvent> events = new ArrayDeque<>();
    private long demand;
    /** Whether the subscriber hears nothing any more: it has cancelled, or gets its last signal. */
    private boolean cancelled;

    private ChatExecution execution;
    /** Makes the response, or throws why there is none; null while the model generates, and once it was asked. */
    private Supplier<ChatResponse> response;
    /** Whether the response is among the events, or was. */
    private boolean complete;
    /** Why there is no response; null if nothing failed. */
    private Throwable failure;

    ResponseSubscription(
            MlxChatSupport support, ChatRequest request, Flow.Subscriber<? super ChatModelStreamingEvent> subscriber) {
        this.support = support;
        this.request = request;
        this.subscriber = subscriber;
    }

    /** Tells the subscriber of this, then sends the request. */
    void start() {
        try {
            subscriber.onSubscribe(this);
        } catch (Throwable e) {
            threw(e);
            return;
        }
        Thread.ofVirtual().name("mlx-publish").start(this::run);
    }

    @Override
    public void request(long wanted) {
        if (wanted <= 0) {
            fail(new IllegalArgumentException("request (" + wanted + ") must be at least 1"));
            return;
        }
        synchronized (this) {
            demand = demand + wanted < 0 ? Long.MAX_VALUE : demand + wanted;
            notifyAll();
        }
    }

    @Override
    public void cancel() {
        synchronized (this) {
            cancelled = true;
            events.clear();
            notifyAll();
        }
        stop();
    }

    /** Ends the request for a reason, before the events that wait. */
    private void fail(Throwable why) {
        synchronized (this) {
            failure = why;
            events.clear();
            notifyAll();
        }
        stop();
    }

    private void stop() {
        ChatExecution running;
        synchronized (this) {
            running = execution;
        }
        if (running != null) {
            running.cancel();
        }
    }

    private void run() {
        MlxCancellation cancellation =
                MlxChatRequestParameters.from(request.parameters()).cancellation();
        Runnable stop = this::stop;
        try {
            if (cancellation != null && cancellation.isCancelled()) {
                fail(Failures.of(new CancellationException("the request was cancelled")));
            } else if (!isOver()) {
                begin();
            }
            if (cancellation != null) {
                cancellation.add(stop);
            }
            for (ChatModelStreamingEvent event = next(); event != null; event = next()) {
                subscriber.onNext(event);
            }
            end();
        } catch (Throwable e) {
            threw(e);
        } finally {
            if (cancellation != null) {
                cancellation.remove(stop);
            }
        }
    }

    private void begin() {
        ChatExecution started;
        try {
            started = support.execution(request, this);
        } catch (Throwable e) {
            fail(e);
            return;
        }
        synchronized (this) {
            execution = started;
        }
        started.whenDone(this::generated);
        if (isOver()) {
            stop();
        }
    }

    private synchronized void generated(Supplier<ChatResponse> maker) {
        response = maker;
        notifyAll();
    }

    /** The next event, when it was asked for; null if there is none any more. */
    private ChatModelStreamingEvent next() {
        while (true) {
            Supplier<ChatResponse> maker;
            synchronized (this) {
                while (!isOver() && (events.isEmpty() ? response == null && !complete : demand == 0)) {
                    await();
                }
                if (isOver() || events.isEmpty() && complete) {
                    return null;
                }
                if (!events.isEmpty()) {
                    demand = demand == Long.MAX_VALUE ? demand : demand - 1;
                    return events.remove();
                }
                maker = response;
                response = null;
            }
            complete(maker);
        }
    }

    private synchronized boolean isOver() {
        return cancelled || failure != null;
    }

    private void await() {
        try {
            wait();
        } catch (InterruptedException ignored) {
            // A subscriber interrupted its own thread; cancel() ends a subscription.
        }
    }

    private void complete(Supplier<ChatResponse> maker) {
        try {
            add(new CompleteResponse(maker.get()));
            synchronized (this) {
                complete = true;
            }
        } catch (Throwable e) {
            fail(e);
        }
    }

    /** The last signal. */
    private void end() {
        Throwable why;
        synchronized (this) {
            if (cancelled) {
                return;
            }
            cancelled = true;
            why = failure;
        }
        if (why == null) {
            subscriber.onComplete();
        } else {
            subscriber.onError(why);
        }
    }

    private void threw(Throwable e) {
        cancel();
        log.warn("a subscriber threw, so its request was cancelled", e);
    }

    private synchronized void add(ChatModelStreamingEvent event) {
        if (!isOver()) {
            events.add(event);
            notifyAll();
        }
    }

    @Override
    public void text(String piece) {
        add(new PartialResponse(piece));
    }

    @Override
    public void thinking(String piece) {
        add(new PartialThinking(piece));
    }

    @Override
    public void partialToolCall(int index, String id, String name, String arguments) {
        add(StreamingEvents.partial(index, id, name, arguments));
    }

    @Override
    public void toolCall(int index, String id, String name, String arguments) {
        add(StreamingEvents.complete(index, id, name, arguments));
    }
}
