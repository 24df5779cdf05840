package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.memory.ChatMemory;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.mlx.cache.PromptCache;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.UserMessage;
import dev.langchain4j.store.memory.chat.ChatMemoryStore;
import dev.langchain4j.store.memory.chat.InMemoryChatMemoryStore;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A memory that is cleared takes its conversation out of the prompt cache, and no other. */
class MlxChatMemoryStoreTest {
    interface Desk {
        String chat(@MemoryId String id, @UserMessage String text);
    }

    interface Clerk {
        String chat(@MemoryId String id, @UserMessage String text);
    }

    interface Solo {
        String chat(String text);
    }

    private static final ChatMessage HELLO = dev.langchain4j.data.message.UserMessage.from("Hello!");

    private final long handles = LiveHandles.count();
    private final MlxModel mlx = MlxModel.load(DemoModel.folder());
    private final ChatModel chat = MlxChatModel.builder()
            .model(mlx)
            .temperature(0.0)
            .maxOutputTokens(3)
            .build();
    private final InMemoryChatMemoryStore messages = new InMemoryChatMemoryStore();
    private final Map<Object, CompletableFuture<Long>> freed = new ConcurrentHashMap<>();

    @AfterEach
    void nothingLeaks() {
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private MlxChatMemoryStore store(Class<?>... services) {
        return MlxChatMemoryStore.builder()
                .store(messages)
                .models(mlx)
                .services(services)
                .onDeleted((id, bytes) -> freed(id).complete(bytes))
                .build();
    }

    private CompletableFuture<Long> freed(Object id) {
        return freed.computeIfAbsent(id, unknown -> new CompletableFuture<>());
    }

    private <T> T service(Class<T> type, ChatMemoryStore store) {
        return AiServices.builder(type)
                .chatModel(chat)
                .chatMemoryProvider(id -> memory(id, store))
                .build();
    }

    private static ChatMemory memory(Object id, ChatMemoryStore store) {
        return MessageWindowChatMemory.builder()
                .id(id)
                .maxMessages(10)
                .chatMemoryStore(store)
                .build();
    }

    /** Waits for what the model's thread was told, and asks it. */
    private boolean knows(Class<?> service, Object id) {
        PromptCache cache = mlx.promptCache();
        cache.dump().join();
        return cache.conversation(MlxMemoryId.of(service, id)).isPresent();
    }

    @Test
    void clearingAMemoryFreesItsConversationOnly() {
        ChatMemoryStore store = store();
        Desk desk = service(Desk.class, store);
        desk.chat("ann", "Hello, this is Ann!");
        desk.chat("bob", "Good morning, here is Bob.");
        long held = mlx.promptCache().stats().bytesHeld();

        memory("ann", store).clear();

        assertThat(knows(Desk.class, "ann")).isFalse();
        assertThat(knows(Desk.class, "bob")).isTrue();
        assertThat(held - mlx.promptCache().stats().bytesHeld())
                .isPositive()
                .isEqualTo(freed("ann").join());
        assertThat(freed).containsOnlyKeys("ann");
        assertThat(messages.getMessages("ann")).isEmpty();
        assertThat(messages.getMessages("bob")).hasSize(2);
    }

    @Test
    void withoutNamesOfServicesAnIdMeansItsConversationsInAllOfThem() {
        ChatMemoryStore store = store();
        service(Desk.class, store).chat("ann", "Hello!");
        service(Clerk.class, store).chat("ann", "Hello!");
        store.deleteMessages("ann");
        assertThat(knows(Desk.class, "ann")).isFalse();
        assertThat(knows(Clerk.class, "ann")).isFalse();
    }

    @Test
    void withNamesOfServicesOthersAreLeftAlone() {
        ChatMemoryStore store = store(Desk.class);
        service(Desk.class, store).chat("ann", "Hello!");
        service(Clerk.class, messages).chat("ann", "Hello!");
        store.deleteMessages("ann");
        assertThat(knows(Desk.class, "ann")).isFalse();
        assertThat(knows(Clerk.class, "ann")).isTrue();
    }

    @Test
    void aServiceWithoutMemoryIdHasOneConversationWhateverItsMemoryIsCalled() {
        ChatMemoryStore store = store(Solo.class);
        Solo solo = AiServices.builder(Solo.class)
                .chatModel(chat)
                .chatMemory(memory("diary", store))
                .build();
        solo.chat("Hello!");
        assertThat(knows(Solo.class, "default")).isTrue();
        store.deleteMessages("diary");
        assertThat(knows(Solo.class, "default")).isFalse();
    }

    @Test
    void aDirectRequestsIdIsMeantToo() {
        chat.chat(ChatRequest.builder()
                .messages(HELLO)
                .parameters(
                        MlxChatRequestParameters.builder().memoryId("direct").build())
                .build());
        assertThat(mlx.promptCache().conversation("direct")).isPresent();
        store().deleteMessages("direct");
        assertThat(mlx.promptCache().dump().join()).isEmpty();
        assertThat(mlx.promptCache().conversation("direct")).isEmpty();
        assertThat(mlx.promptCache().stats().bytesHeld()).isZero();
    }

    @Test
    void messagesAreKeptByTheWrappedStore() {
        ChatMemoryStore store = store();
        store.updateMessages("ann", List.of(HELLO));
        assertThat(store.getMessages("ann"))
                .isEqualTo(messages.getMessages("ann"))
                .hasSize(1);
    }

    @Test
    void aStoreThatCannotDeleteKeepsItsMemory() {
        Desk desk = service(Desk.class, messages);
        desk.chat("ann", "Hello!");
        ChatMemoryStore broken = MlxChatMemoryStore.builder()
                .store(new InMemoryChatMemoryStore() {
                    @Override
                    public void deleteMessages(Object memoryId) {
                        throw new IllegalArgumentException("read-only");
                    }
                })
                .models(mlx)
                .build();
        assertThatThrownBy(() -> broken.deleteMessages("ann")).hasMessage("read-only");
        assertThat(knows(Desk.class, "ann")).isTrue();
    }

    @Test
    void aClosedModelHasNothingToFree() {
        ChatMemoryStore store = store();
        service(Desk.class, store).chat("ann", "Hello!");
        mlx.close();
        store.deleteMessages("ann");
        assertThat(freed("ann").join()).isZero();
        assertThat(messages.getMessages("ann")).isEmpty();
    }

    @Test
    void aStoreNeedsAStoreAndAModel() {
        assertThatThrownBy(() -> MlxChatMemoryStore.builder().store(messages).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("models (none)");
        assertThatThrownBy(() -> MlxChatMemoryStore.builder().models(mlx).build())
                .isInstanceOf(NullPointerException.class)
                .hasMessageContaining("store");
    }
}
