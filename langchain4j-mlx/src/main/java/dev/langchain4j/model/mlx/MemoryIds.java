package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.invocation.InvocationContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.observability.api.event.AiServiceErrorEvent;
import dev.langchain4j.observability.api.event.AiServiceRequestIssuedEvent;
import dev.langchain4j.observability.api.event.AiServiceResponseReceivedEvent;
import dev.langchain4j.observability.api.listener.AiServiceErrorListener;
import dev.langchain4j.observability.api.listener.AiServiceListener;
import dev.langchain4j.observability.api.listener.AiServiceRequestIssuedListener;
import dev.langchain4j.observability.api.listener.AiServiceResponseReceivedListener;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** Which conversation a request belongs to, from what AI services tell just before they call a model. */
final class MemoryIds {
    /*
     * AI services call a model with nothing but the request. Just before, they tell listeners the request and its
     * invocation. Both are remembered until the invocation's response or error, and found by identity, whatever thread
     * asks: by the request object, else, for a decorator that builds another request, by its last message object. Equal
     * requests of others, and direct calls, get nothing.
     *
     * - Reading does not consume: a model that falls back on another one passes the same request twice.
     * - Objects are held weakly: a stream that is never finished leaves nothing behind.
     * - A message object that two conversations send at a time tells nothing about either.
     */
    private static final Map<Identity, Issued> ISSUED = new ConcurrentHashMap<>();

    private static final ReferenceQueue<Object> COLLECTED = new ReferenceQueue<>();

    static final List<AiServiceListener<?>> LISTENERS = List.of(
            (AiServiceRequestIssuedListener) MemoryIds::issued,
            (AiServiceResponseReceivedListener) MemoryIds::received,
            (AiServiceErrorListener) MemoryIds::failed);

    /** Whose an object is; both are null if that is in doubt. */
    private record Issued(UUID invocation, MlxMemoryId memoryId) {
        static final Issued IN_DOUBT = new Issued(null, null);
    }

    /** An object by identity, held weakly. */
    private static final class Identity extends WeakReference<Object> {
        private final int hash;

        Identity(Object object, ReferenceQueue<Object> collected) {
            super(object, collected);
            this.hash = System.identityHashCode(object);
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            Object object = get();
            return this == other || other instanceof Identity that && object != null && that.refersTo(object);
        }
    }

    private MemoryIds() {}

    /**
     * The conversation of a request, to be asked with the object that the caller passed, or one with its messages: what
     * its parameters say, else the AI service and memory ID that issued it, else null.
     */
    static Object memoryIdOf(ChatRequest request) {
        if (request.parameters() instanceof MlxChatRequestParameters mlx && mlx.memoryId() != null) {
            return mlx.memoryId();
        }
        if (ISSUED.isEmpty()) {
            return null;
        }
        Issued issued = ISSUED.get(new Identity(request, null));
        if (issued == null && !request.messages().isEmpty()) {
            issued = ISSUED.get(new Identity(request.messages().getLast(), null));
        }
        return issued == null ? null : issued.memoryId;
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
        dropCollected();
        InvocationContext invocation = event.invocationContext();
        ChatRequest request = event.request();
        if (invocation == null || invocation.chatMemoryId() == null || invocation.interfaceName() == null) {
            return;
        }
        Issued issued = new Issued(
                invocation.invocationId(), new MlxMemoryId(invocation.interfaceName(), invocation.chatMemoryId()));
        ISSUED.put(new Identity(request, COLLECTED), issued);
        if (!request.messages().isEmpty()) {
            ChatMessage last = request.messages().getLast();
            ISSUED.merge(
                    new Identity(last, COLLECTED),
                    issued,
                    (before, now) -> now.memoryId.equals(before.memoryId) ? now : Issued.IN_DOUBT);
        }
    }

    private static void received(AiServiceResponseReceivedEvent event) {
        end(event.invocationContext());
    }

    private static void failed(AiServiceErrorEvent event) {
        end(event.invocationContext());
    }

    private static void end(InvocationContext invocation) {
        dropCollected();
        if (invocation != null && invocation.invocationId() != null) {
            ISSUED.values().removeIf(issued -> invocation.invocationId().equals(issued.invocation));
        }
    }

    /** An entry whose object was collected is equal to nothing but itself. */
    private static void dropCollected() {
        for (Reference<?> gone = COLLECTED.poll(); gone != null; gone = COLLECTED.poll()) {
            ISSUED.remove(gone);
        }
    }

    /** How many requests and messages are remembered. */
    static int open() {
        dropCollected();
        return ISSUED.size();
    }
}
