package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.mlx.cache.ConversationKey;
import dev.langchain4j.observability.api.listener.AiServiceListener;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;

/**
 * Names the conversation of an AI service: its interface and the value of {@code @MemoryId}. Equal IDs in two services
 * are two conversations. A service without {@code @MemoryId} has the ID {@code "default"} for every caller; with {@link
 * dev.langchain4j.model.mlx.cache.Isolation#PER_MEMORY_ID}, its requests share nothing.
 *
 * <p>Requests of AI services carry it without configuration. Two cases need one line in the service's builder: another
 * library provides an {@code AiServiceListenerRegistrarFactory} that comes first on the class path, or the service is
 * built where this library's jar is not visible. The line is either {@code registerListeners(MlxMemoryId.listeners())}
 * or {@code chatRequestTransformer(MlxMemoryId.transformer(Assistant.class))}. A direct call of a model sets {@link
 * MlxChatRequestParameters.Builder#memoryId}.
 *
 * <p>{@code mlx.promptCache().evict("ann")} means the conversations of all services that have that memory ID;
 * {@code evict(MlxMemoryId.of(Assistant.class, "ann"))} means one of them.
 *
 * <p>Immutable and thread-safe.
 *
 * @param service fully qualified name of the AI service's interface
 * @param id the memory ID; needs equals and hashCode
 */
public record MlxMemoryId(String service, Object id) implements ConversationKey {
    /** What LangChain4j gives services that have no memory ID; a constant of a module that this one does not need. */
    static final String DEFAULT_ID = "default";

    /** Checks that neither is null. */
    public MlxMemoryId {
        Objects.requireNonNull(service, "service");
        Objects.requireNonNull(id, "id");
    }

    /** False for the ID {@code "default"}, which all callers of a service without {@code @MemoryId} have. */
    @Override
    public boolean tellsCallersApart() {
        return !DEFAULT_ID.equals(id);
    }

    /** Names the conversation {@code id} of an AI service. */
    public static MlxMemoryId of(Class<?> service, Object id) {
        return new MlxMemoryId(service.getName(), id);
    }

    /** For {@code AiServices.registerListeners}: makes the service's requests carry their memory ID. Stateless. */
    public static List<AiServiceListener<?>> listeners() {
        return MemoryIds.LISTENERS;
    }

    /**
     * For {@code AiServices.chatRequestTransformer}: puts the memory ID into each request's parameters. A request whose
     * parameters have one already keeps it.
     *
     * @param service the AI service's interface
     */
    public static BiFunction<ChatRequest, Object, ChatRequest> transformer(Class<?> service) {
        return transformer(service, (request, id) -> request);
    }

    /**
     * Like {@link #transformer(Class)}, after another transformer, for a service has room for only one.
     *
     * @param service the AI service's interface
     * @param first is applied before
     */
    public static BiFunction<ChatRequest, Object, ChatRequest> transformer(
            Class<?> service, BiFunction<ChatRequest, Object, ChatRequest> first) {
        Objects.requireNonNull(service, "service");
        Objects.requireNonNull(first, "first");
        return (request, id) -> {
            ChatRequest transformed = first.apply(request, id);
            return id == null ? transformed : MemoryIds.with(transformed, of(service, id));
        };
    }
}
