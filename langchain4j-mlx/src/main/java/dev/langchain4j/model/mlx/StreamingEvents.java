package dev.langchain4j.model.mlx;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.PartialThinkingContext;
import dev.langchain4j.model.chat.response.PartialToolCall;
import dev.langchain4j.model.chat.response.PartialToolCallContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.langchain4j.model.mlx.parse.OutputSink;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries what the model's thread says to a handler, on a virtual thread that lives as long as the request. The model's
 * thread only puts into a queue, so it never waits for a handler.
 *
 * <p>A handler that is not cancelled hears exactly one end of a request, which is the last that it hears: the response,
 * or why there is none. What it throws itself, exception or error, is told to its onError, as everywhere in
 * LangChain4j, and the answer goes on.
 */
final class StreamingEvents implements OutputSink, StreamingHandle {
    private static final Logger log = LoggerFactory.getLogger(StreamingEvents.class);
    private static final Runnable LAST = () -> {};

    private final StreamingChatResponseHandler handler;
    private final MlxCancellation cancellation;
    /** As an object of its own, so that the cancellation can forget it. */
    private final Runnable cancel = this::cancel;

    private final BlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();
    private volatile boolean cancelled;
    private volatile ChatExecution execution;

    /**
     * Begins to listen.
     *
     * @param cancellation what the application cancels the request with, or null
     */
    StreamingEvents(StreamingChatResponseHandler handler, MlxCancellation cancellation) {
        this.handler = handler;
        this.cancellation = cancellation;
        Thread.ofVirtual().name("mlx-stream").start(this::deliver);
        if (cancellation != null) {
            cancellation.add(cancel);
        }
    }

    /** Says which execution this hears of. */
    void of(ChatExecution started) {
        execution = started;
        if (cancelled) {
            started.cancel();
        }
        started.whenDone(this::end);
    }

    /** The last event; what it is given makes the response, or throws why there is none. */
    private void end(Supplier<ChatResponse> response) {
        queue.add(() -> tellEnd(response));
        queue.add(LAST);
    }

    private void tellEnd(Supplier<ChatResponse> maker) {
        ChatResponse response;
        try {
            response = maker.get();
        } catch (Throwable e) {
            handler.onError(e);
            return;
        }
        handler.onCompleteResponse(response);
    }

    void fail(Throwable error) {
        queue.add(() -> handler.onError(error));
        queue.add(LAST);
    }

    @Override
    public void cancel() {
        cancelled = true;
        ChatExecution running = execution;
        if (running != null) {
            running.cancel();
        }
        queue.add(LAST);
    }

    @Override
    public boolean isCancelled() {
        return cancelled;
    }

    @Override
    public void text(String piece) {
        queue.add(() -> handler.onPartialResponse(new PartialResponse(piece), new PartialResponseContext(this)));
    }

    @Override
    public void thinking(String piece) {
        queue.add(() -> handler.onPartialThinking(new PartialThinking(piece), new PartialThinkingContext(this)));
    }

    @Override
    public void partialToolCall(int index, String id, String name, String arguments) {
        PartialToolCall call = partial(index, id, name, arguments);
        queue.add(() -> handler.onPartialToolCall(call, new PartialToolCallContext(this)));
    }

    @Override
    public void toolCall(int index, String id, String name, String arguments) {
        CompleteToolCall call = complete(index, id, name, arguments);
        queue.add(() -> handler.onCompleteToolCall(call));
    }

    static PartialToolCall partial(int index, String id, String name, String arguments) {
        return PartialToolCall.builder()
                .index(index)
                .id(id)
                .name(name)
                .partialArguments(arguments)
                .build();
    }

    static CompleteToolCall complete(int index, String id, String name, String arguments) {
        return new CompleteToolCall(
                index,
                ToolExecutionRequest.builder()
                        .id(id)
                        .name(name)
                        .arguments(arguments)
                        .build());
    }

    private void deliver() {
        for (Runnable event = next(); event != LAST && !cancelled; event = next()) {
            deliver(event);
        }
        if (cancellation != null) {
            cancellation.remove(cancel);
        }
    }

    private Runnable next() {
        while (true) {
            try {
                return queue.take();
            } catch (InterruptedException ignored) {
                // A handler interrupted its own thread, as those do that were interrupted while they waited.
            }
        }
    }

    /** What a handler throws is told to it; what it throws then can only be logged. */
    private void deliver(Runnable event) {
        try {
            event.run();
        } catch (Throwable e) {
            try {
                handler.onError(e);
            } catch (Throwable again) {
                if (again != e) {
                    again.addSuppressed(e);
                }
                log.warn("a streaming handler threw from onError", again);
            }
        }
    }
}
