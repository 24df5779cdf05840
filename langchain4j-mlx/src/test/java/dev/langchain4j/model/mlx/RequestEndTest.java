package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyBoolean;
import static org.mockito.Mockito.doReturn;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.spy;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.generate.EngineStats;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.prompt.PromptWriter;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.output.FinishReason;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every caller is told one end of its request, whatever happens: handlers that throw, cancels, timeouts, closing. */
@Timeout(120)
class RequestEndTest {
    private static final String TEMPLATE =
            "{%- for m in messages %}{{ m['content'] + '\\n' }}{%- endfor %}{%- if add_generation_prompt %}answer:{%- endif %}";
    /** Takes seconds. */
    private static final int LONG = 20_000;

    @TempDir
    static Path folder;

    private static Path random;
    private static long handlesBefore;

    @BeforeAll
    static void write() {
        handlesBefore = LiveHandles.count();
        random = RandomModel.write(folder.resolve("random"), TEMPLATE, List.of(), 3);
    }

    @AfterAll
    static void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static MlxModel model(UnaryOperator<MlxModel.Builder> more) {
        return more.apply(MlxModel.builder().modelPath(random).maxConcurrent(1)).build();
    }

    private static MlxModel model() {
        return model(UnaryOperator.identity());
    }

    /** Never ends by itself. */
    private static MlxChatRequestParameters.Builder parameters(int tokens) {
        Map<Integer, Double> noEnds = Map.of(0, -1000.0, 1, -1000.0, 2, -1000.0, 3, -1000.0);
        return MlxChatRequestParameters.builder()
                .temperature(0.0)
                .logitBias(noEnds)
                .maxOutputTokens(tokens);
    }

    private static ChatRequest request(String text, MlxChatRequestParameters.Builder parameters) {
        return ChatRequest.builder()
                .messages(UserMessage.from(text))
                .parameters(parameters.build())
                .build();
    }

    private static ChatRequest request(int tokens) {
        return request("Hello!", parameters(tokens));
    }

    private static MlxChatModel blocking(MlxModel mlx) {
        return MlxChatModel.builder().model(mlx).build();
    }

    private static MlxStreamingChatModel streaming(MlxModel mlx) {
        return MlxStreamingChatModel.builder().model(mlx).build();
    }

    /** Writes down what it is told, and throws what it was given. */
    private static class Recording implements StreamingChatResponseHandler {
        final List<String> events = Collections.synchronizedList(new ArrayList<>());
        final List<Throwable> errors = Collections.synchronizedList(new ArrayList<>());
        final CompletableFuture<String> end = new CompletableFuture<>();
        final CountDownLatch begun = new CountDownLatch(1);
        volatile Throwable thrown;
        volatile Throwable thrownAtEnd;

        @Override
        public void onPartialResponse(String piece) {
            events.add("piece");
            begun.countDown();
            raise(thrown);
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
            events.add("response");
            end.complete("response");
            raise(thrownAtEnd);
        }

        @Override
        public void onError(Throwable error) {
            events.add("error");
            errors.add(error);
            if (error != thrown && error != thrownAtEnd) {
                end.complete("error");
            }
        }

        private static void raise(Throwable what) {
            switch (what) {
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                case null, default -> {}
            }
        }

        String end() throws Exception {
            return end.get(60, TimeUnit.SECONDS);
        }
    }

    private static void eventually(BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("in time").isLessThan(end);
            Thread.sleep(2);
        }
    }

    private static boolean idle(MlxModel mlx) {
        EngineStats stats = mlx.engine().stats();
        return stats.running() == 0 && stats.waiting() == 0;
    }

    // ---- handlers -------------------------------------------------------------------------------------------------

    @Test
    void whatAHandlerThrowsIsToldToItAndTheAnswerGoesOnToItsEnd() throws Exception {
        try (MlxModel mlx = model()) {
            for (Throwable thrown : List.of(
                    new IllegalStateException("mine"), new AssertionError("mine"), new OutOfMemoryError("mine"))) {
                Recording plain = new Recording();
                streaming(mlx).chat(request(8), plain);
                plain.end();
                int pieces = plain.events.size() - 1;
                Recording throwing = new Recording();
                throwing.thrown = thrown;
                streaming(mlx).chat(request(8), throwing);
                assertThat(throwing.end()).isEqualTo("response");
                assertThat(throwing.errors).hasSize(pieces).containsOnly(thrown);
                assertThat(throwing.events.getLast()).isEqualTo("response");
            }
        }
    }

    @Test
    void whatAHandlerThrowsAtTheEndIsToldToIt() throws Exception {
        try (MlxModel mlx = model()) {
            Recording handler = new Recording();
            handler.thrownAtEnd = new AssertionError("mine");
            streaming(mlx).chat(request(2), handler);
            handler.end();
            eventually(() -> handler.errors.contains(handler.thrownAtEnd));
        }
    }

    @Test
    void aHandlerThatInterruptsItsThreadHearsTheEnd() throws Exception {
        try (MlxModel mlx = model()) {
            Recording handler = new Recording() {
                @Override
                public void onPartialResponse(String piece) {
                    Thread.currentThread().interrupt();
                }
            };
            streaming(mlx).chat(request(8), handler);
            assertThat(handler.end()).isEqualTo("response");
        }
    }

    @Test
    void aResponseThatCannotBeMadeIsAnErrorForEveryCaller() throws Exception {
        try (MlxModel mlx = model()) {
            MlxModel broken = spy(mlx);
            PromptWriter prompts = spy(mlx.prompts());
            doThrow(new AssertionError("no response")).when(prompts).remember(any(), any(), any(), any(), anyBoolean());
            doReturn(prompts).when(broken).prompts();
            Recording handler = new Recording();
            streaming(broken).chat(request(2), handler);
            assertThat(handler.end()).isEqualTo("error");
            assertThat(handler.errors).singleElement().satisfies(e -> assertThat(e)
                    .hasMessage("no response"));
            assertThatThrownBy(() -> blocking(broken).chat(request(2))).hasMessage("no response");
        }
    }

    @Test
    void memoryThatEndsInACallbackEndsThatRequestAlone() throws Exception {
        try (MlxModel mlx = model(settings -> settings.maxConcurrent(2))) {
            CompletableFuture<ChatResponse> other =
                    CompletableFuture.supplyAsync(() -> blocking(mlx).chat(request(300)));
            CompletableFuture<GenerationResult> broken = mlx.engine()
                    .submit(WarmAndCold.request(new int[] {20, 21, 22}, null, 50), piece -> {
                        throw new OutOfMemoryError("mine");
                    })
                    .result();
            assertThatThrownBy(broken::get)
                    .isInstanceOf(ExecutionException.class)
                    .hasRootCauseMessage("mine");
            assertThat(other.get().metadata().finishReason()).isEqualTo(FinishReason.LENGTH);
            assertThat(idle(mlx)).isTrue();
        }
    }

    // ---- cancelling -----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"waiting", "prefilling", "decoding"})
    void aRequestCanBeCancelledAtAnyTime(String state) throws Exception {
        try (MlxModel mlx = model(settings -> settings.prefillChunkTokens(4))) {
            MlxCancellation before = new MlxCancellation();
            MlxCancellation cancellation = new MlxCancellation();
            String text = state.equals("prefilling") ? "Hello! ".repeat(4000) : "Hello!";
            ChatRequest request = request(text, parameters(LONG).cancellation(cancellation));
            Recording handler = new Recording();
            if (state.equals("waiting")) {
                streaming(mlx).chat(request("Hello!", parameters(LONG).cancellation(before)), new Recording());
                eventually(() -> mlx.engine().stats().running() == 1);
            }
            streaming(mlx).chat(request, handler);
            CompletableFuture<Throwable> blocked = CompletableFuture.supplyAsync(
                    () -> catchThrowable(() -> blocking(mlx).chat(request)));
            eventually(() -> mlx.engine().stats().waiting() == (state.equals("waiting") ? 2 : 1));
            switch (state) {
                case "prefilling" -> eventually(() -> mlx.promptCache().stats().bytesRunning() > 0);
                case "decoding" -> handler.begun.await();
                default -> assertThat(state).isEqualTo("waiting");
            }
            cancellation.cancel();
            assertThat(blocked.get(60, TimeUnit.SECONDS))
                    .isInstanceOf(NonRetriableException.class)
                    .hasMessageContaining("cancelled");
            int heard = handler.events.size();
            before.cancel();
            eventually(() -> idle(mlx));
            Thread.sleep(20);
            assertThat(handler.events).as("no callback after the cancel").hasSizeLessThanOrEqualTo(heard + 1);
            assertThat(handler.end).isNotDone();
            assertThatThrownBy(() -> blocking(mlx).chat(request)).isInstanceOf(NonRetriableException.class);
            streaming(mlx).chat(request, handler);
            assertThat(handler.end).isNotDone();
            if (!state.equals("waiting")) {
                ChatResponse again = blocking(mlx).chat(request(text, parameters(1)));
                assertThat(((MlxTokenUsage) again.tokenUsage()).cachedTokens())
                        .as("what was computed stays usable")
                        .isPositive();
            }
        }
    }

    @Test
    void aCancellationHoldsNothingOfWhatEnded() {
        try (MlxModel mlx = model()) {
            MlxCancellation cancellation = new MlxCancellation();
            AtomicReference<String> late = new AtomicReference<>();
            blocking(mlx).chat(request("Hello!", parameters(2).cancellation(cancellation)));
            assertThat(cancellation).extracting("running").isEqualTo(List.of());
            cancellation.cancel();
            cancellation.add(() -> late.set("at once"));
            assertThat(late).hasValue("at once");
            assertThat(cancellation.isCancelled()).isTrue();
        }
    }

    @Test
    void interruptingABlockedCallerCancels() throws Exception {
        try (MlxModel mlx = model()) {
            CompletableFuture<Throwable> told = new CompletableFuture<>();
            Thread caller = Thread.ofVirtual().start(() -> {
                try {
                    blocking(mlx).chat(request(LONG));
                } catch (RuntimeException e) {
                    told.complete(Thread.currentThread().isInterrupted() ? e : null);
                }
            });
            eventually(() -> mlx.engine().stats().running() == 1);
            caller.interrupt();
            assertThat(told.get(60, TimeUnit.SECONDS))
                    .isInstanceOf(NonRetriableException.class)
                    .hasMessageContaining("interrupted");
            eventually(() -> idle(mlx));
            assertThat(mlx.engine().stats().cancelled()).isOne();
        }
    }

    // ---- limits ---------------------------------------------------------------------------------------------------

    @Test
    void aRequestHasItsTimeWaitingOrRunning() throws Exception {
        try (MlxModel mlx = model(settings -> settings.queueTimeout(Duration.ofMillis(50)))) {
            Duration time = Duration.ofMillis(300);
            assertThatThrownBy(() -> blocking(mlx)
                            .chat(request("Hello!", parameters(LONG).timeout(time))))
                    .isInstanceOf(TimeoutException.class)
                    .hasMessageContaining("timeout (300 ms)");
            Recording handler = new Recording();
            MlxStreamingChatModel timed =
                    MlxStreamingChatModel.builder().model(mlx).timeout(time).build();
            timed.chat(request(LONG), handler);
            eventually(() -> mlx.engine().stats().running() == 1);
            assertThatThrownBy(() -> blocking(mlx).chat(request(1)))
                    .isInstanceOf(TimeoutException.class)
                    .hasMessageContaining("queueTimeout (50 ms)");
            assertThat(handler.end()).isEqualTo("error");
            assertThat(handler.errors).singleElement().isInstanceOf(TimeoutException.class);
            assertThat(blocking(mlx).chat(request(1)).aiMessage()).isNotNull();
            assertThat(mlx.engine().stats().timedOut()).isEqualTo(3);
        }
    }

    @Test
    void aFullQueueRefuses() throws Exception {
        try (MlxModel mlx = model(settings -> settings.maxQueued(0))) {
            MlxCancellation cancellation = new MlxCancellation();
            streaming(mlx).chat(request("Hello!", parameters(LONG).cancellation(cancellation)), new Recording());
            assertThatThrownBy(() -> blocking(mlx).chat(request(1)))
                    .isInstanceOf(RateLimitException.class)
                    .hasMessageContaining("maxQueued (0)");
            Recording handler = new Recording();
            streaming(mlx).chat(request(1), handler);
            assertThat(handler.end()).isEqualTo("error");
            cancellation.cancel();
            eventually(() -> idle(mlx));
            assertThat(blocking(mlx).chat(request(1)).aiMessage()).isNotNull();
        }
    }

    @Test
    void badLimitsAreRefusedWithNameValueAndRule() {
        assertThatThrownBy(() -> model(settings -> settings.maxConcurrent(0)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("maxConcurrent (0) must be at least 1");
        assertThatThrownBy(() -> model(settings -> settings.maxQueued(-1))).hasMessageContaining("maxQueued (-1)");
        assertThatThrownBy(() -> model(settings -> settings.queueTimeout(Duration.ZERO)))
                .hasMessageContaining("queueTimeout (PT0S)");
        assertThatThrownBy(() -> model(settings -> settings.gracePeriod(Duration.ofSeconds(-1))))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("gracePeriod (PT-1S)");
        assertThatThrownBy(() -> parameters(1).timeout(Duration.ZERO).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("timeout (PT0S)");
    }

    @Test
    void aPromptBeyondTheContextNamesTheCure() {
        try (MlxModel mlx = model(settings -> settings.contextLength(64))) {
            assertThatThrownBy(() -> blocking(mlx).chat(request("Hello! ".repeat(100), parameters(1))))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContainingAll("64 tokens", "TokenWindowChatMemory", "tokenCountEstimator()");
        }
    }

    // ---- the model's thread, and the end of the model --------------------------------------------------------------

    @Test
    void waitingOnTheModelsOwnThreadIsRefusedAtOnce() throws Exception {
        try (MlxModel mlx = model()) {
            assertThatThrownBy(() -> mlx.thread().call(() -> blocking(mlx).chat("Hello!")))
                    .isInstanceOf(NonRetriableException.class)
                    .hasMessageContaining("on the thread of the model");
            assertThatThrownBy(() -> mlx.thread().call(() -> mlx.warm("Hello!", List.of())))
                    .isInstanceOf(NonRetriableException.class);
            Recording handler = new Recording();
            mlx.thread().run(() -> streaming(mlx).chat(request(3), handler));
            assertThat(handler.end()).isEqualTo("response");
        }
    }

    @Test
    void closingLetsRequestsEndAndRefusesNewOnes() throws Exception {
        MlxModel mlx = model();
        Recording running = new Recording();
        Recording waiting = new Recording();
        streaming(mlx).chat(request(400), running);
        streaming(mlx).chat(request(4), waiting);
        running.begun.await();
        Thread closing = Thread.ofPlatform().start(mlx::close);
        eventually(mlx::isClosed);
        assertThatThrownBy(() -> blocking(mlx).chat(request(1)))
                .isInstanceOf(NonRetriableException.class)
                .hasMessageContaining("is closed");
        assertThatThrownBy(() -> mlx.warm("Hello!", List.of())).isInstanceOf(NonRetriableException.class);
        closing.join();
        assertThat(running.end()).isEqualTo("response");
        assertThat(waiting.end()).isEqualTo("response");
    }

    @Test
    void afterTheGracePeriodRequestsFailAndTheModelIsClosed() throws Exception {
        MlxModel mlx = model(settings -> settings.gracePeriod(Duration.ofMillis(50)));
        Recording running = new Recording();
        Recording waiting = new Recording();
        streaming(mlx).chat(request(LONG), running);
        streaming(mlx).chat(request(LONG), waiting);
        running.begun.await();
        Thread.currentThread().interrupt();
        mlx.close();
        assertThat(Thread.interrupted()).isTrue();
        assertThat(running.end()).isEqualTo("error");
        assertThat(waiting.end()).isEqualTo("error");
        assertThat(List.of(running.errors.getFirst(), waiting.errors.getFirst()))
                .allSatisfy(e -> assertThat(e)
                        .isInstanceOf(NonRetriableException.class)
                        .isNotInstanceOf(InternalServerException.class)
                        .hasMessageContaining("closed"));
    }

    @Test
    void aModelClosedOnItsOwnThreadEndsWhenItsRequestsHave() throws Exception {
        MlxModel mlx = model();
        Recording running = new Recording();
        streaming(mlx).chat(request(100), running);
        mlx.thread().run(mlx::close);
        assertThat(running.end()).isEqualTo("response");
        mlx.close();
    }

    @Test
    void requestsThatRunAtTheSameTimeGiveTheTokensThatTheyGiveAlone() throws Exception {
        List<String> questions = List.of("Hello!", "What is the weather in Lisbon?", "Tell me more. ".repeat(30), "7");
        List<String> alone = new ArrayList<>();
        try (MlxModel mlx = model()) {
            for (String question : questions) {
                alone.add(blocking(mlx)
                        .chat(request(question, parameters(60)))
                        .aiMessage()
                        .text());
            }
        }
        try (MlxModel mlx = model(settings -> settings.maxConcurrent(4).prefillChunkTokens(16))) {
            List<CompletableFuture<String>> together = questions.stream()
                    .map(question -> CompletableFuture.supplyAsync(
                            () -> blocking(mlx)
                                    .chat(request(question, parameters(60)))
                                    .aiMessage()
                                    .text(),
                            task -> Thread.ofVirtual().start(task)))
                    .toList();
            for (int i = 0; i < together.size(); i++) {
                assertThat(together.get(i).get()).as(questions.get(i)).isEqualTo(alone.get(i));
            }
        }
    }

    @Test
    void aShortRequestDoesNotWaitForALongOneThatRunsBesideIt() throws Exception {
        try (MlxModel mlx = model(settings -> settings.maxConcurrent(2))) {
            MlxCancellation cancellation = new MlxCancellation();
            Recording slow = new Recording();
            streaming(mlx).chat(request("Hello!", parameters(LONG).cancellation(cancellation)), slow);
            slow.begun.await();
            ChatResponse answer = blocking(mlx).chat(request(5));
            assertThat(slow.end).isNotDone();
            assertThat(((MlxChatResponseMetadata) answer.metadata()).running()).isPositive();
            cancellation.cancel();
        }
    }
}
