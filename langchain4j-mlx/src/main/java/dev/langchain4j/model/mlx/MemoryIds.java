package dev.langchain4j.model.mlx;

import dev.langchain4j.invocation.InvocationContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.observability.api.event.AiServiceErrorEvent;
import dev.langchain4j.observability.api.event.AiServiceRequestIssuedEvent;
import dev.langchain4j.observability.api.event.AiServiceResponseReceivedEvent;
import dev.langchain4j.observability.api.listener.AiServiceErrorListener;
import dev.langchain4j.observability.api.listener.AiServiceListener;
import dev.langchain4j.observability.api.listener.AiServiceRequestIssuedListener;
import dev.langchain4j.observability.api.listener.AiServiceResponseReceivedListener;
import java.lang.ref.WeakReference;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.UUID;

/** Which conversation a request belongs to, from what AI services tell just before they call a model. */
final class MemoryIds {
    /*
     * AI services call a model with nothing but the request. Just before, on the same thread, they tell listeners the
     * request and its invocation. Both are remembered for this thread, and found again by the request's identity: equal
     * requests of others, and direct calls on this thread, get nothing.
     *
     * - Reading does not consume: a model that falls back on another one passes the same request twice.
     * - A response or an error on this thread ends it. Streaming answers arrive on another thread; so requests are held
     *   weakly, and no more than ISSUED_MAX.
     * - More than one is open at a time if a model asks another AI service before it delegates (a router).
     */
    private static final int ISSUED_MAX = 8;

    private static final ThreadLocal<Deque<Issued>> ISSUED = new ThreadLocal<>();

    static final List<AiServiceListener<?>> LISTENERS = List.of(
            (AiServiceRequestIssuedListener) MemoryIds::issued,
            (AiServiceResponseReceivedListener) MemoryIds::received,
            (AiServiceErrorListener) MemoryIds::failed);

    private record Issued(WeakReference<ChatRequest> request, UUID invocation, MlxMemoryId memoryId) {}

    private MemoryIds() {}

    /**
     * The conversation of a request, to be asked on the calling thread with the very object that the caller passed: what
     * its parameters say, else the AI service and memory ID that issued it, else null.
     */
    static Object memoryIdOf(ChatRequest request) {
        if (request.parameters() instanceof MlxChatRequestParameters mlx && mlx.memoryId() != null) {
            return mlx.memoryId();
        }
        Deque<Issued> open = ISSUED.get();
        if (open != null) {
            for (Issued one : open) {
                if (one.request.refersTo(request)) {
                    return one.memoryId;
                }
            }
        }
        return null;
    }

    /** The request with its conversation in its parameters, for what happens to it on other threads. */
    static ChatRequest attach(ChatRequest request) {
        Object memoryId = memoryIdOf(request);
        return memoryId == null ? request : with(request, memoryId);
    }

    /** The request with this memory ID, unless its parameters have one. */
    static ChatRequest with(ChatRequest request, Object memoryId) {
        MlxChatRequestParameters parameters = MlxChatRequestParameters.from(request.parameters());
        if (parameters.memoryId() != null) {
            return request;
        }
        MlxChatRequestParameters id =
                MlxChatRequestParameters.builder().memoryId(memoryId).build();
        return request.toBuilder().parameters(parameters.overrideWith(id)).build();
    }

    private static void issued(AiServiceRequestIssuedEvent event) {
        InvocationContext invocation = event.invocationContext();
        ChatRequest request = event.request();
        if (invocation == null || invocation.chatMemoryId() == null || invocation.interfaceName() == null) {
            return;
        }
        Deque<Issued> open = ISSUED.get();
        if (open == null) {
            open = new ArrayDeque<>();
            ISSUED.set(open);
        }
        open.removeIf(one -> one.request.refersTo(null) || one.request.refersTo(request));
        if (open.size() == ISSUED_MAX) {
            open.removeLast();
        }
        MlxMemoryId memoryId = new MlxMemoryId(invocation.interfaceName(), invocation.chatMemoryId());
        open.addFirst(new Issued(new WeakReference<>(request), invocation.invocationId(), memoryId));
    }

    private static void received(AiServiceResponseReceivedEvent event) {
        end(event.invocationContext());
    }

    private static void failed(AiServiceErrorEvent event) {
        end(event.invocationContext());
    }

    private static void end(InvocationContext invocation) {
        Deque<Issued> open = ISSUED.get();
        if (open == null || invocation == null || invocation.invocationId() == null) {
            return;
        }
        open.removeIf(
                one -> one.request.refersTo(null) || invocation.invocationId().equals(one.invocation));
        if (open.isEmpty()) {
            ISSUED.remove();
        }
    }
}
