package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.invocation.InvocationContext;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.observability.api.event.AiServiceRequestIssuedEvent;
import dev.langchain4j.observability.api.listener.AiServiceRequestIssuedListener;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.TokenStream;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MemoryIdsTest {
    interface Assistant {
        String chat(@MemoryId Object id, @dev.langchain4j.service.UserMessage String question);
    }

    interface Clerk {
        String chat(@MemoryId Object id, @dev.langchain4j.service.UserMessage String question);
    }

    interface Streamer {
        TokenStream chat(@MemoryId Object id, @dev.langchain4j.service.UserMessage String question);
    }

    interface Forgetful {
        String chat(String question);
    }

    static class Tools {
        @Tool
        String time() {
            return "noon";
        }
    }

    private static final Optional<Object> NONE = Optional.empty();
    private final CannedModels models = new CannedModels();

    private <T> AiServices<T> service(Class<T> type) {
        return AiServices.builder(type)
                .chatModel(models.blocking)
                .streamingChatModel(models.streaming)
                .chatMemoryProvider(id ->
                        MessageWindowChatMemory.builder().id(id).maxMessages(20).build());
    }

    private static Optional<Object> key(Class<?> service, Object id) {
        return Optional.of(new MlxMemoryId(service.getName(), id));
    }

    private static void await(TokenStream stream) throws Exception {
        CompletableFuture<ChatResponse> done = new CompletableFuture<>();
        stream.onPartialResponse(text -> {})
                .onCompleteResponse(done::complete)
                .onError(done::completeExceptionally)
                .start();
        assertThat(done.get(30, TimeUnit.SECONDS).aiMessage().text()).isEqualTo("done");
    }

    @Test
    void aBlockingServicesRequestBringsItsMemoryIdToWhereTheAnswerIsMade() {
        Assistant assistant = service(Assistant.class).build();

        assistant.chat("ann", "hi");
        assistant.chat(7L, "hi");

        assertThat(models.memoryIds).containsExactly(key(Assistant.class, "ann"), key(Assistant.class, 7L));
        assertThat(models.attached).isEqualTo(models.memoryIds);
    }

    @Test
    void eachRoundOfABlockingToolLoopBringsIt() {
        service(Assistant.class).tools(new Tools()).build().chat("ann", "what time is it");

        assertThat(models.memoryIds).hasSize(3).containsOnly(key(Assistant.class, "ann"));
        assertThat(models.attached).isEqualTo(models.memoryIds);
    }

    @Test
    void aStreamingServicesRequestBringsIt() throws Exception {
        await(service(Streamer.class).build().chat("ann", "hi"));

        assertThat(models.memoryIds).containsExactly(key(Streamer.class, "ann"));
        assertThat(models.attached).isEqualTo(models.memoryIds);
    }

    @Test
    void eachRoundOfAStreamingToolLoopBringsItOnTheGenerationThread() throws Exception {
        await(service(Streamer.class).tools(new Tools()).build().chat("ann", "what time is it"));

        assertThat(models.memoryIds).hasSize(3).containsOnly(key(Streamer.class, "ann"));
        assertThat(models.attached).isEqualTo(models.memoryIds);
        assertThat(models.callers.subList(1, 3))
                .allMatch(thread -> thread.getName().equals("generation"));
    }

    @Test
    void manyVirtualThreadsDoNotMixTheirs() {
        Assistant assistant = service(Assistant.class).tools(new Tools()).build();

        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            IntStream.range(0, 50).forEach(id -> threads.submit(() -> assistant.chat(id, "what time is it")));
        }

        assertThat(models.callers).allMatch(Thread::isVirtual);
        assertThat(models.memoryIds)
                .hasSize(150)
                .containsOnly(IntStream.range(0, 50)
                        .mapToObj(id -> key(Assistant.class, id))
                        .toArray(Optional[]::new));
        IntStream.range(0, 50).forEach(id -> assertThat(models.attached)
                .filteredOn(key(Assistant.class, id)::equals)
                .hasSize(3));
    }

    @Test
    void equalIdsOfTwoServicesAreTwoConversations() {
        service(Assistant.class).build().chat("ann", "hi");
        service(Clerk.class).build().chat("ann", "hi");

        assertThat(models.memoryIds).containsExactly(key(Assistant.class, "ann"), key(Clerk.class, "ann"));
        assertThat(models.memoryIds.get(0)).isNotEqualTo(models.memoryIds.get(1));
    }

    @Test
    void aServiceWithoutMemoryIdIsOneConversation() {
        AiServices.create(Forgetful.class, models.blocking).chat("hi");

        assertThat(models.memoryIds).containsExactly(key(Forgetful.class, "default"));
    }

    @Test
    void aDirectCallAfterwardsGetsNoneNotEvenWithTheSameRequest() {
        AtomicReference<ChatRequest> issued = new AtomicReference<>();
        Assistant assistant = service(Assistant.class)
                .chatRequestTransformer(request -> {
                    issued.set(request);
                    return request;
                })
                .build();
        assistant.chat("ann", "hi");

        models.blocking.chat("hi");
        models.blocking.chat(issued.get());

        assertThat(models.memoryIds).containsExactly(key(Assistant.class, "ann"), NONE, NONE);
        assertThat(models.attached).isEqualTo(models.memoryIds);
    }

    @Test
    void aDirectCallWithAnEqualRequestInTheMiddleGetsNone() {
        ChatModel nosy = new ChatModel() {
            @Override
            public ChatResponse chat(ChatRequest request) {
                models.blocking.chat(
                        ChatRequest.builder().messages(UserMessage.from("hi")).build());
                return models.blocking.chat(request);
            }
        };

        service(Assistant.class).chatModel(nosy).build().chat("ann", "hi");

        assertThat(models.memoryIds).containsExactly(NONE, key(Assistant.class, "ann"));
    }

    @Test
    void aDecoratorThatCallsTheModelOnAnotherThreadLosesNothing() {
        ChatModel elsewhere = new ChatModel() {
            @Override
            public ChatResponse chat(ChatRequest request) {
                return CompletableFuture.supplyAsync(() -> models.blocking.chat(request))
                        .join();
            }
        };

        service(Assistant.class).chatModel(elsewhere).tools(new Tools()).build().chat("ann", "what time is it");

        assertThat(models.memoryIds).hasSize(3).containsOnly(key(Assistant.class, "ann"));
        assertThat(models.attached).isEqualTo(models.memoryIds);
    }

    @Test
    void aDecoratorThatBuildsAnotherRequestOnAnotherThreadLosesNothing() {
        ChatModel rebuilding = new ChatModel() {
            @Override
            public ChatResponse chat(ChatRequest request) {
                ChatRequest other = request.toBuilder().temperature(0.5).build();
                return CompletableFuture.supplyAsync(() -> models.blocking.chat(other))
                        .join();
            }
        };

        service(Assistant.class).chatModel(rebuilding).build().chat("ann", "hi");

        assertThat(models.memoryIds).containsExactly(key(Assistant.class, "ann"));
    }

    @Test
    void aMessageObjectThatTwoConversationsSendAtATimeTellsNothing() {
        UserMessage common = UserMessage.from("hi");
        ChatRequest ann = ChatRequest.builder().messages(common).build();
        ChatRequest bob = ChatRequest.builder().messages(common).build();
        issue(Assistant.class, "ann", ann);
        issue(Assistant.class, "bob", bob);

        assertThat(MemoryIds.memoryIdOf(ann)).isEqualTo(MlxMemoryId.of(Assistant.class, "ann"));
        assertThat(MemoryIds.memoryIdOf(bob)).isEqualTo(MlxMemoryId.of(Assistant.class, "bob"));
        assertThat(MemoryIds.memoryIdOf(ann.toBuilder().build())).isNull();
    }

    @Test
    void whatNobodyFinishesIsForgottenWithItsRequest() throws Exception {
        for (int i = 0; i < 100; i++) {
            issue(
                    Assistant.class,
                    "gone" + i,
                    ChatRequest.builder().messages(UserMessage.from("hi " + i)).build());
        }
        int before = MemoryIds.open();
        for (int i = 0; i < 100 && MemoryIds.open() > before - 150; i++) {
            System.gc();
            Thread.sleep(20);
        }
        assertThat(MemoryIds.open()).isLessThanOrEqualTo(before - 150);
    }

    /** What an AI service tells just before it calls its model. */
    static void issue(Class<?> service, Object id, ChatRequest request) {
        InvocationContext invocation = InvocationContext.builder()
                .invocationId(UUID.randomUUID())
                .interfaceName(service.getName())
                .methodName("chat")
                .chatMemoryId(id)
                .build();
        AiServiceRequestIssuedEvent event = AiServiceRequestIssuedEvent.builder()
                .invocationContext(invocation)
                .request(request)
                .build();
        MemoryIds.LISTENERS.stream()
                .filter(AiServiceRequestIssuedListener.class::isInstance)
                .forEach(listener -> ((AiServiceRequestIssuedListener) listener).onEvent(event));
    }

    @Test
    void onlyAnIdThatAServiceWasGivenTellsCallersApart() {
        assertThat(MlxMemoryId.of(Assistant.class, "ann").tellsCallersApart()).isTrue();
        AiServices.create(Forgetful.class, models.blocking).chat("hi");
        MlxMemoryId given = (MlxMemoryId) models.memoryIds.getFirst().orElseThrow();
        assertThat(given.tellsCallersApart()).isFalse();
    }

    @Test
    void aModelThatFallsBackBringsItTwice() {
        ChatModel fallback = new ChatModel() {
            @Override
            public ChatResponse chat(ChatRequest request) {
                models.blocking.chat(request);
                return models.blocking.chat(request);
            }
        };

        service(Assistant.class).chatModel(fallback).build().chat("ann", "hi");

        assertThat(models.memoryIds).containsExactly(key(Assistant.class, "ann"), key(Assistant.class, "ann"));
    }

    @Test
    void aModelThatAsksAnotherServiceFirstKeepsItsOwn() {
        Clerk clerk = service(Clerk.class).build();
        ChatModel router = new ChatModel() {
            @Override
            public ChatResponse chat(ChatRequest request) {
                clerk.chat("bob", "which model?");
                return models.blocking.chat(request);
            }
        };

        service(Assistant.class).chatModel(router).build().chat("ann", "hi");

        assertThat(models.memoryIds).containsExactly(key(Clerk.class, "bob"), key(Assistant.class, "ann"));
    }

    @Test
    void aFailedRequestLeavesNothingBehind() {
        AtomicReference<ChatRequest> failed = new AtomicReference<>();
        ChatModel failing = new ChatModel() {
            @Override
            public ChatResponse chat(ChatRequest request) {
                failed.set(request);
                throw new IllegalStateException("broken");
            }
        };
        Assistant assistant = service(Assistant.class).chatModel(failing).build();

        assertThatThrownBy(() -> assistant.chat("ann", "hi")).hasMessageContaining("broken");

        assertThat(MemoryIds.memoryIdOf(failed.get())).isNull();
    }

    @Test
    void aRequestTransformerThatRebuildsTheRequestLosesNothing() {
        service(Assistant.class)
                .chatRequestTransformer(
                        request -> request.toBuilder().temperature(0.5).build())
                .tools(new Tools())
                .build()
                .chat("ann", "hi");

        assertThat(models.memoryIds).hasSize(3).containsOnly(key(Assistant.class, "ann"));
    }

    @Test
    void theTransformerPutsTheSameKeyIntoTheParametersAfterAnotherTransformer() {
        ChatRequest request = ChatRequest.builder()
                .messages(UserMessage.from("hi"))
                .temperature(0.5)
                .build();

        ChatRequest transformed = MlxMemoryId.transformer(
                        Assistant.class, (r, id) -> r.toBuilder().topK(3).build())
                .apply(request, "ann");

        assertThat(MemoryIds.memoryIdOf(transformed)).isEqualTo(MlxMemoryId.of(Assistant.class, "ann"));
        assertThat(transformed.temperature()).isEqualTo(0.5);
        assertThat(transformed.topK()).isEqualTo(3);
        assertThat(transformed.messages()).isEqualTo(request.messages());
        assertThat(MlxMemoryId.transformer(Assistant.class).apply(request, null))
                .isSameAs(request);
    }

    @Test
    void theTransformerWorksWithinAServicesToolLoop() {
        service(Assistant.class)
                .chatRequestTransformer(MlxMemoryId.transformer(Assistant.class))
                .tools(new Tools())
                .build()
                .chat("ann", "hi");

        assertThat(models.attached).hasSize(3).containsOnly(key(Assistant.class, "ann"));
    }

    @Test
    void anIdInTheParametersWinsOverTheServices() {
        service(Assistant.class)
                .chatRequestTransformer(request -> MemoryIds.with(request, "mine"))
                .build()
                .chat("ann", "hi");
        models.blocking.chat(ChatRequest.builder()
                .messages(UserMessage.from("hi"))
                .parameters(
                        MlxChatRequestParameters.builder().memoryId("direct").build())
                .build());

        assertThat(models.memoryIds).isEqualTo(List.of(Optional.of("mine"), Optional.of("direct")));
        assertThat(models.attached).isEqualTo(models.memoryIds);
    }

    @Test
    void listenersThatAreRegisteredByHandAsWellChangeNothing() {
        service(Assistant.class)
                .registerListeners(MlxMemoryId.listeners())
                .tools(new Tools())
                .build()
                .chat("ann", "hi");

        assertThat(models.memoryIds).hasSize(3).containsOnly(key(Assistant.class, "ann"));
    }
}
