package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.mlx.cache.PromptCache;
import dev.langchain4j.store.memory.chat.ChatMemoryStore;
import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A {@link ChatMemoryStore} that keeps messages in another one, and notifies models when a memory is deleted: deleting
 * its messages, which {@code ChatMemory.clear()} does, frees what only that conversation holds in their prompt caches.
 *
 * <pre>{@code
 * ChatMemoryStore store = MlxChatMemoryStore.builder().store(new InMemoryChatMemoryStore()).models(mlx).build();
 * AiServices.builder(Assistant.class).chatModel(chat).chatMemoryProvider(id ->
 *         MessageWindowChatMemory.builder().id(id).maxMessages(40).chatMemoryStore(store).build());
 * }</pre>
 *
 * <p>Which conversations a memory ID means:
 *
 * <ul>
 *   <li>With {@link Builder#services}, those of these AI services: the one of that ID, or for a service without
 *       {@code @MemoryId}, which has one memory whatever its ID, its only one.
 *   <li>Without, the conversations of that ID of all services, and those of requests whose parameters have it.
 * </ul>
 *
 * <p>Data that is freed by mistake is computed again; nothing else depends on it. Shared prefixes, such as a system
 * message, stay. A running request is not disturbed; its data is freed when it ends.
 *
 * <p>As thread-safe as the store that it wraps.
 */
public final class MlxChatMemoryStore implements ChatMemoryStore {
    private static final Logger log = LoggerFactory.getLogger(MlxChatMemoryStore.class);
    /** In a module that this one does not need. */
    private static final String MEMORY_ID = "dev.langchain4j.service.MemoryId";

    private final ChatMemoryStore store;
    private final List<MlxModel> models;
    /** Names of AI services, and whether their methods take a memory ID; empty for any. */
    private final Map<String, Boolean> services;

    private final BiConsumer<Object, Long> onDeleted;

    private MlxChatMemoryStore(Builder builder) {
        store = Objects.requireNonNull(builder.store, "store");
        models = List.copyOf(builder.models);
        services = Map.copyOf(builder.services);
        onDeleted = builder.onDeleted;
    }

    /** Starts building a store. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public List<ChatMessage> getMessages(Object memoryId) {
        return store.getMessages(memoryId);
    }

    @Override
    public void updateMessages(Object memoryId, List<ChatMessage> messages) {
        store.updateMessages(memoryId, messages);
    }

    /**
     * Deletes the messages in the wrapped store; if that succeeds, models are notified, without waiting for them. A
     * model that is closed has nothing to free.
     */
    @Override
    public void deleteMessages(Object memoryId) {
        store.deleteMessages(memoryId);
        forget(memoryId);
    }

    /** As the wrapped store does it, with LangChain4j 1.20 and later. */
    @Override
    public CompletableFuture<List<ChatMessage>> getMessagesAsync(Object memoryId) {
        return store.getMessagesAsync(memoryId);
    }

    /** As the wrapped store does it, with LangChain4j 1.20 and later. */
    @Override
    public CompletableFuture<Void> updateMessagesAsync(Object memoryId, List<ChatMessage> messages) {
        return store.updateMessagesAsync(memoryId, messages);
    }

    /**
     * Deletes the messages as the wrapped store does it, with LangChain4j 1.20 and later; once that has succeeded,
     * models are notified, as {@link #deleteMessages} says.
     */
    @Override
    public CompletableFuture<Void> deleteMessagesAsync(Object memoryId) {
        CompletableFuture<Void> deleted = store.deleteMessagesAsync(memoryId);
        deleted.thenRun(() -> forget(memoryId));
        return deleted;
    }

    private void forget(Object memoryId) {
        for (MlxModel model : models) {
            evict(model.promptCache(), memoryId)
                    .whenComplete((freed, failure) -> deleted(model, memoryId, freed, failure));
        }
    }

    private CompletableFuture<Long> evict(PromptCache cache, Object memoryId) {
        if (services.isEmpty()) {
            return cache.evict(memoryId);
        }
        CompletableFuture<Long> freed = CompletableFuture.completedFuture(0L);
        for (Map.Entry<String, Boolean> service : services.entrySet()) {
            Object id = service.getValue() ? memoryId : MlxMemoryId.DEFAULT_ID;
            freed = freed.thenCombine(cache.evict(new MlxMemoryId(service.getKey(), id)), Long::sum);
        }
        return freed;
    }

    private void deleted(MlxModel model, Object memoryId, Long freed, Throwable failure) {
        if (failure != null) {
            log.warn("The prompt cache of {} still holds memory {}", model.name(), memoryId, failure);
            return;
        }
        log.debug("The prompt cache of {} freed {} bytes of memory {}", model.name(), freed, memoryId);
        onDeleted.accept(memoryId, freed);
    }

    /** Settings of a store. */
    public static final class Builder {
        private ChatMemoryStore store;
        private final List<MlxModel> models = new ArrayList<>();
        private final Map<String, Boolean> services = new LinkedHashMap<>();
        private BiConsumer<Object, Long> onDeleted = (memoryId, bytesFreed) -> {};

        private Builder() {}

        /** Where the messages are. Required. */
        public Builder store(ChatMemoryStore wrapped) {
            this.store = wrapped;
            return this;
        }

        /** The models that are notified, in addition to those given before. Required: at least one. */
        public Builder models(MlxModel... told) {
            models.addAll(Arrays.asList(told));
            return this;
        }

        /**
         * The AI services whose memories are in this store, in addition to those given before. Default: any. Worth
         * naming if another service uses equal IDs for memories that are not in this store, or a service has no
         * {@code @MemoryId}, and its memory another ID than {@code "default"}.
         */
        public Builder services(Class<?>... interfaces) {
            for (Class<?> service : interfaces) {
                services.put(service.getName(), takesMemoryId(service));
            }
            return this;
        }

        /**
         * Called once for each model after a memory was deleted, with the number of freed bytes. Runs on a separate
         * thread, so it may wait and use the model. Default: none.
         */
        public Builder onDeleted(BiConsumer<Object, Long> memoryIdAndBytesFreed) {
            this.onDeleted = Objects.requireNonNull(memoryIdAndBytesFreed, "onDeleted");
            return this;
        }

        private static boolean takesMemoryId(Class<?> service) {
            for (Method method : service.getMethods()) {
                for (Annotation[] parameter : method.getParameterAnnotations()) {
                    for (Annotation annotation : parameter) {
                        if (annotation.annotationType().getName().equals(MEMORY_ID)) {
                            return true;
                        }
                    }
                }
            }
            return false;
        }

        /**
         * Builds the store.
         *
         * @throws IllegalArgumentException if there is no model
         * @throws NullPointerException if there is no store to wrap
         */
        public MlxChatMemoryStore build() {
            if (models.isEmpty()) {
                throw new IllegalArgumentException("models (none) must have at least one");
            }
            return new MlxChatMemoryStore(this);
        }
    }
}
