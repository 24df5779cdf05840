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
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries what the model's thread says to a handler, on a virtual thread that lives as long as the request. The model's
 * thread only puts into a queue, so it never waits for a handler.
 */
final class StreamingEvents implements ChatExecution.Pieces, StreamingHandle {
    private static final Logger log = LoggerFactory.getLogger(StreamingEvents.class);
    private static final Runnable LAST = () -> {};

    private final StreamingChatResponseHandler handler;
    private final BlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();
    private volatile boolean cancelled;
    private volatile ChatExecution execution;

    StreamingEvents(StreamingChatResponseHandler handler) {
        this.handler = handler;
        Thread.ofVirtual().name("mlx-stream").start(this::deliver);
    }

    /** Says which execution this hears of. */
    void of(ChatExecution started) {
        execution = started;
        if (cancelled) {
            started.cancel();
        }
        started.whenDone(this::complete, this::fail);
    }

    void complete(ChatResponse response) {
        queue.add(() -> handler.onCompleteResponse(response));
        queue.add(LAST);
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
        PartialToolCall call = PartialToolCall.builder()
                .index(index)
                .id(id)
                .name(name)
                .partialArguments(arguments)
                .build();
        queue.add(() -> handler.onPartialToolCall(call, new PartialToolCallContext(this)));
    }

    @Override
    public void toolCall(int index, ToolExecutionRequest request) {
        queue.add(() -> handler.onCompleteToolCall(new CompleteToolCall(index, request)));
    }

    private void deliver() {
        try {
            for (Runnable event = queue.take(); event != LAST && !cancelled; event = queue.take()) {
                deliver(event);
            }
        } catch (InterruptedException e) {
            cancel();
            Thread.currentThread().interrupt();
        }
    }

    /** What a handler throws is told to it; what it throws then can only be logged. */
    private void deliver(Runnable event) {
        try {
            event.run();
        } catch (Exception e) {
            try {
                handler.onError(e);
            } catch (Exception again) {
                again.addSuppressed(e);
                log.warn("a streaming handler threw from onError", again);
            }
        }
    }
}
