package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModelHelper;
import dev.langchain4j.model.chat.listener.ChatModelErrorContext;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelRequestContext;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.scoring.request.ScoringRequest;
import dev.langchain4j.model.scoring.request.ScoringRequestParameters;
import dev.langchain4j.model.scoring.response.ScoringResponse;
import dev.langchain4j.store.memory.chat.InMemoryChatMemoryStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** LangChain4j 1.20's methods that return a future or a stream: they do what the blocking ones do, and nobody waits. */
@Timeout(120)
class AsyncApiTest {
    private static final Path RERANKER = Goldens.own("embeddings").resolve("qwen3-last");

    private static long handlesBefore;
    private static MlxModel mlx;
    private static int longRequests;
    private static MlxChatModel chat;
    private static MlxStreamingChatModel streaming;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        mlx = MlxModel.load(DemoModel.folder());
        chat = MlxChatModel.builder().model(mlx).temperature(0.0).build();
        streaming = MlxStreamingChatModel.builder().model(mlx).temperature(0.0).build();
    }

    @AfterAll
    static void nothingIsLeft() {
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static ChatRequest request(String text, MlxChatRequestParameters.Builder parameters) {
        return ChatRequest.builder()
                .messages(UserMessage.from(text))
                .parameters(parameters.build())
                .build();
    }

    private static ChatRequest request(String text) {
        return request(text, MlxChatRequestParameters.builder());
    }

    /** Takes long, first of all for its prompt, which no other request has. */
    private static ChatRequest longRequest() {
        return longRequest(MlxChatRequestParameters.builder());
    }

    private static ChatRequest longRequest(MlxChatRequestParameters.Builder parameters) {
        return request(++longRequests + " Hello!".repeat(1000), parameters);
    }

    private static void eventually(BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("in time").isLessThan(end);
            Thread.sleep(2);
        }
    }

    private static boolean idle() {
        return mlx.engine().stats().running() == 0 && mlx.engine().stats().waiting() == 0;
    }

    /** Writes down the signals; asks for so many events at first. */
    private static class Recording implements Flow.Subscriber<ChatModelStreamingEvent> {
        final List<ChatModelStreamingEvent> events = Collections.synchronizedList(new ArrayList<>());
        final CompletableFuture<String> end = new CompletableFuture<>();
        final CountDownLatch begun = new CountDownLatch(1);
        private final long first;
        Flow.Subscription subscription;
        volatile Throwable error;

        Recording(long first) {
            this.first = first;
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            subscription = given;
            if (first != 0) {
                given.request(first);
            }
        }

        @Override
        public void onNext(ChatModelStreamingEvent event) {
            events.add(event);
            begun.countDown();
        }

        @Override
        public void onError(Throwable why) {
            error = why;
            end.complete("error");
        }

        @Override
        public void onComplete() {
            end.complete("complete");
        }

        String text() {
            StringBuilder text = new StringBuilder();
            for (ChatModelStreamingEvent event : List.copyOf(events)) {
                text.append(event instanceof PartialResponse piece ? piece.text() : "");
            }
            return text.toString();
        }
    }

    // ---- chatAsync ------------------------------------------------------------------------------------------------

    @Test
    void aFutureHasTheResponseOfTheBlockingCall() throws Exception {
        ChatResponse response = chat.chatAsync(request("Hello!")).get();
        assertThat(response.aiMessage()).isEqualTo(chat.chat(request("Hello!")).aiMessage());
        assertThat(response.metadata()).isInstanceOf(MlxChatResponseMetadata.class);
    }

    @Test
    void whatDependsOnAFutureMayUseTheModel() {
        String second = chat.chatAsync(request("Hello!"))
                .thenApply(first -> chat.chat("Thanks!"))
                .join();
        assertThat(second).isEqualTo(chat.chat("Thanks!"));
    }

    @Test
    void failuresAreInTheFuture() {
        assertThatThrownBy(
                        () -> chat.chatAsync(request("Hello! ".repeat(20_000))).get())
                .hasCauseInstanceOf(InvalidRequestException.class);
        assertThatThrownBy(() -> chat.chatAsync(request(
                                "Hello!", MlxChatRequestParameters.builder().modelName("another")))
                        .get())
                .hasCauseInstanceOf(UnsupportedFeatureException.class);
        assertThatThrownBy(() -> chat.chatAsync(request(
                                "Hello!", MlxChatRequestParameters.builder().timeout(Duration.ofNanos(1))))
                        .get())
                .hasCauseInstanceOf(TimeoutException.class);
    }

    @Test
    void cancellingAFutureCancelsItsRequestBeforeTheFirstToken() throws Exception {
        long cancelled = mlx.engine().stats().cancelled();
        CompletableFuture<ChatResponse> future = chat.chatAsync(longRequest());
        eventually(() -> mlx.engine().stats().running() == 1);
        future.cancel(true);
        eventually(() -> idle() && mlx.engine().stats().cancelled() == cancelled + 1);
        assertThat(chat.chat("Hello!")).isEqualTo("Hello! How can I help you?");
    }

    @Test
    void listenersHearOfAFuturesResponse() throws Exception {
        List<String> heard = Collections.synchronizedList(new ArrayList<>());
        ChatModelListener listener = new ChatModelListener() {
            @Override
            public void onRequest(ChatModelRequestContext context) {
                heard.add("request");
            }

            @Override
            public void onResponse(ChatModelResponseContext context) {
                heard.add("response");
            }

            @Override
            public void onError(ChatModelErrorContext context) {
                heard.add("error");
            }
        };
        ChatModel listened =
                MlxChatModel.builder().model(mlx).listeners(listener).build();
        listened.chatAsync(request("Hello!")).get();
        assertThat(heard).containsExactly("request", "response");
    }

    // ---- streams --------------------------------------------------------------------------------------------------

    @Test
    void aStreamEndsWithTheResponseThatItsPiecesAddUpTo() throws Exception {
        Recording subscriber = new Recording(Long.MAX_VALUE);
        streaming.chat(request("Hello!")).subscribe(subscriber);
        assertThat(subscriber.end.get()).isEqualTo("complete");
        ChatResponse response = ((CompleteResponse) subscriber.events.getLast()).chatResponse();
        assertThat(subscriber.text())
                .isEqualTo(response.aiMessage().text())
                .isEqualTo(chat.chat(request("Hello!")).aiMessage().text());
        assertThat(subscriber.events)
                .filteredOn(CompleteResponse.class::isInstance)
                .hasSize(1);
    }

    @Test
    void eachSubscriptionIsARequest() throws Exception {
        Flow.Publisher<ChatModelStreamingEvent> publisher = streaming.chat(request("Hello!"));
        long before = mlx.engine().stats().finished();
        for (int i = 0; i < 2; i++) {
            Recording subscriber = new Recording(Long.MAX_VALUE);
            publisher.subscribe(subscriber);
            subscriber.end.get();
        }
        assertThat(mlx.engine().stats().finished()).isEqualTo(before + 2);
    }

    @Test
    void eventsComeAsFarAsTheyWereAskedFor() throws Exception {
        Recording subscriber = new Recording(2);
        streaming.chat(request("Hello!")).subscribe(subscriber);
        eventually(() -> subscriber.events.size() == 2 && idle());
        Thread.sleep(20);
        assertThat(subscriber.events).hasSize(2);
        assertThat(subscriber.end).isNotDone();
        subscriber.subscription.request(Long.MAX_VALUE);
        assertThat(subscriber.end.get()).isEqualTo("complete");
        assertThat(subscriber.text()).isEqualTo("Hello! How can I help you?");
    }

    @Test
    void aSubscriberThatAsksForNothingIsToldOfFailuresAllTheSame() throws Exception {
        Recording subscriber = new Recording(0);
        streaming.chat(request("Hello! ".repeat(20_000))).subscribe(subscriber);
        assertThat(subscriber.end.get()).isEqualTo("error");
        assertThat(subscriber.error).isInstanceOf(InvalidRequestException.class);
    }

    @Test
    void demandIsAtLeastOne() throws Exception {
        Recording subscriber = new Recording(-1);
        streaming.chat(longRequest()).subscribe(subscriber);
        assertThat(subscriber.end.get()).isEqualTo("error");
        assertThat(subscriber.error)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("request (-1) must be at least 1");
        eventually(AsyncApiTest::idle);
    }

    @Test
    void cancellingASubscriptionCancelsItsRequestBeforeTheFirstToken() throws Exception {
        long cancelled = mlx.engine().stats().cancelled();
        Recording subscriber = new Recording(Long.MAX_VALUE);
        streaming.chat(longRequest()).subscribe(subscriber);
        eventually(() -> mlx.engine().stats().running() == 1);
        subscriber.subscription.cancel();
        eventually(() -> idle() && mlx.engine().stats().cancelled() == cancelled + 1);
        Thread.sleep(20);
        assertThat(subscriber.events).isEmpty();
        assertThat(subscriber.end).isNotDone();
    }

    @Test
    void aSubscriptionThatIsCancelledAtOnceSendsNothing() {
        sendsNothing(Flow.Subscription::cancel);
    }

    @Test
    void aSubscriptionThatIsRefusedSendsNothing() {
        sendsNothing(given -> {
            given.request(1);
            throw new AssertionError("mine");
        });
    }

    private static void sendsNothing(Consumer<Flow.Subscription> onSubscribe) {
        long before = mlx.engine().stats().finished() + mlx.engine().stats().cancelled();
        Recording subscriber = new Recording(0) {
            @Override
            public void onSubscribe(Flow.Subscription given) {
                onSubscribe.accept(given);
            }
        };
        streaming.chat(request("Hello!")).subscribe(subscriber);
        chat.chat("Hello!");
        assertThat(mlx.engine().stats().finished() + mlx.engine().stats().cancelled())
                .isEqualTo(before + 1);
        assertThat(subscriber.events).isEmpty();
        assertThat(subscriber.end).isNotDone();
    }

    @Test
    void aSubscriberThatThrowsIsCancelled() throws Exception {
        Recording subscriber = new Recording(Long.MAX_VALUE) {
            @Override
            public void onNext(ChatModelStreamingEvent event) {
                super.onNext(event);
                throw new IllegalStateException("mine");
            }
        };
        streaming.chat(request("Hello!")).subscribe(subscriber);
        subscriber.begun.await();
        eventually(AsyncApiTest::idle);
        Thread.sleep(20);
        assertThat(subscriber.events).hasSize(1);
        assertThat(subscriber.end).isNotDone();
    }

    @Test
    void anApplicationsCancellationIsTheStreamsError() throws Exception {
        MlxCancellation cancellation = new MlxCancellation();
        Recording subscriber = new Recording(Long.MAX_VALUE);
        streaming
                .chat(longRequest(MlxChatRequestParameters.builder().cancellation(cancellation)))
                .subscribe(subscriber);
        eventually(() -> mlx.engine().stats().running() == 1);
        cancellation.cancel();
        assertThat(subscriber.end.get()).isEqualTo("error");
        assertThat(subscriber.error).isInstanceOf(NonRetriableException.class).hasMessageContaining("cancelled");
        assertThat(cancellation).extracting("running").isEqualTo(List.of());
    }

    @Test
    void anEarlierCancellationIsTheStreamsErrorToo() throws Exception {
        MlxCancellation cancellation = new MlxCancellation();
        cancellation.cancel();
        Recording subscriber = new Recording(Long.MAX_VALUE);
        streaming
                .chat(longRequest(MlxChatRequestParameters.builder().cancellation(cancellation)))
                .subscribe(subscriber);
        assertThat(subscriber.end.get()).isEqualTo("error");
        assertThat(subscriber.error).isInstanceOf(NonRetriableException.class).hasMessageContaining("cancelled");
        assertThat(subscriber.events).isEmpty();
    }

    @Test
    void langChain4jsOwnBridgeGetsTheResponse() throws Exception {
        assertThat(StreamingChatModelHelper.chatAsync(streaming, request("Hello!"))
                        .get()
                        .aiMessage()
                        .text())
                .isEqualTo("Hello! How can I help you?");
    }

    // ---- memory IDs -----------------------------------------------------------------------------------------------

    @Test
    void theConversationOfAServiceIsCarried() throws Exception {
        for (String way : List.of("future", "stream")) {
            ChatRequest request = request("Hello, " + way + "!");
            MemoryIdsTest.issue(AsyncApiTest.class, way, request);
            if (way.equals("future")) {
                chat.chatAsync(request).get();
            } else {
                Recording subscriber = new Recording(Long.MAX_VALUE);
                streaming.chat(request).subscribe(subscriber);
                subscriber.end.get();
            }
            assertThat(mlx.promptCache()
                            .evict(MlxMemoryId.of(AsyncApiTest.class, way))
                            .get())
                    .as("bytes that only this conversation holds")
                    .isPositive();
        }
    }

    @Test
    void anAsynchronousStoreTellsModelsOfADeletedMemory() throws Exception {
        CompletableFuture<Long> freed = new CompletableFuture<>();
        MlxChatMemoryStore store = MlxChatMemoryStore.builder()
                .store(new InMemoryChatMemoryStore())
                .models(mlx)
                .onDeleted((id, bytes) -> freed.complete(bytes))
                .build();
        ChatMessage hello = UserMessage.from("Hello, store!");
        store.updateMessagesAsync("ann", List.of(hello)).get();
        assertThat(store.getMessagesAsync("ann").get()).containsExactly(hello);
        chat.chat(request("Hello, store!", MlxChatRequestParameters.builder().memoryId("ann")));
        store.deleteMessagesAsync("ann").get();
        assertThat(store.getMessages("ann")).isEmpty();
        assertThat(freed.get(60, TimeUnit.SECONDS)).isPositive();
    }

    // ---- vectors and scores ---------------------------------------------------------------------------------------

    @Test
    void vectorsComeAsAFuture() throws Exception {
        try (MlxEmbeddingModel model =
                MlxEmbeddingModel.builder().modelPath(RERANKER).build()) {
            EmbeddingRequest request = EmbeddingRequest.builder()
                    .textSegments(List.of(TextSegment.from("a train")))
                    .build();
            EmbeddingResponse response = model.embedAsync(request).get();
            assertThat(response.embeddings()).isEqualTo(model.embed(request).embeddings());
            model.close();
            assertThatThrownBy(() -> model.embedAsync(request).get())
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(NonRetriableException.class);
        }
    }

    @Test
    void cancellingVectorsDropsTheBatchThatWaits() throws Exception {
        CompletableFuture<Void> other = new CompletableFuture<>();
        try (MlxEmbeddingModel model =
                MlxEmbeddingModel.builder().modelPath(RERANKER).build()) {
            MlxThread thread = model.thread();
            try {
                thread.execute(other::join);
                eventually(() -> thread.nanosInTask() > 0);
                CompletableFuture<EmbeddingResponse> future = model.embedAsync(EmbeddingRequest.builder()
                        .textSegments(List.of(TextSegment.from("a train")))
                        .build());
                eventually(thread::hasWaiting);
                future.cancel(true);
                eventually(() -> !thread.hasWaiting());
            } finally {
                other.complete(null);
            }
        }
    }

    @Test
    void scoresComeAsAFuture() throws Exception {
        try (MlxScoringModel model =
                MlxScoringModel.builder().modelPath(RERANKER).build()) {
            List<String> documents = List.of("a train to Lisbon", "a cake");
            ScoringRequest request = ScoringRequest.builder()
                    .documents(documents)
                    .query("How do I travel?")
                    .build();
            ScoringResponse response = model.scoreAsync(request).get();
            assertThat(response.scores())
                    .isEqualTo(model.scoreAll(
                                    documents.stream().map(TextSegment::from).toList(), "How do I travel?")
                            .content());
            assertThat(response.modelName()).isEqualTo("qwen3-last");
            assertThat(response.tokenUsage().inputTokenCount()).isPositive();
            ScoringRequest other = ScoringRequest.builder()
                    .documents(documents)
                    .query("How do I travel?")
                    .parameters(ScoringRequestParameters.builder()
                            .modelName("other")
                            .build())
                    .build();
            assertThatThrownBy(() -> model.scoreAsync(other).get())
                    .hasCauseInstanceOf(UnsupportedFeatureException.class)
                    .hasMessageContaining("modelName (other) is not supported");
        }
    }

    @Test
    void cancellingScoresEndsThemBetweenChunks() throws Exception {
        try (MlxScoringModel model =
                MlxScoringModel.builder().modelPath(RERANKER).build()) {
            MlxThread thread = model.model().thread();
            CompletableFuture<ScoringResponse> future = model.scoreAsync(ScoringRequest.builder()
                    .documents(Collections.nCopies(20_000, "a train to Lisbon"))
                    .query("How do I travel?")
                    .build());
            // While there are steps left, the next one waits behind any other task.
            eventually(() -> thread.call(thread::hasWaiting));
            future.cancel(true);
            eventually(() -> !thread.call(thread::hasWaiting));
            assertThat(future).isCancelled();
        }
    }
}
