package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Closing frees everything and ends the thread, whoever calls it and whatever goes on; so does a load that fails. */
@Timeout(60)
class ClosingTest {
    private static final Path ENCODER = Goldens.own("embeddings").resolve("bert-mean");

    private long handlesBefore;

    @BeforeEach
    void count() {
        handlesBefore = LiveHandles.count();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
        assertThat(MlxMemory.weightBytes()).isZero();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(t -> t.getName().equals("mlx-model") || t.getName().equals("mlx-bert-mean"));
    }

    /** Closes on a thread that is interrupted, while the model's thread is held by a task. */
    private static void closeInterrupted(MlxThread thread, AutoCloseable model) throws InterruptedException {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        thread.execute(() -> {
            running.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        running.await();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        AtomicReference<Boolean> stillInterrupted = new AtomicReference<>();
        Thread closer = Thread.ofPlatform().start(() -> {
            Thread.currentThread().interrupt();
            try {
                model.close();
            } catch (Throwable e) {
                failure.set(e);
            }
            stillInterrupted.set(Thread.currentThread().isInterrupted());
        });
        while (closer.isAlive() && !thread.isClosed()) {
            Thread.onSpinWait();
        }
        go.countDown();
        closer.join();
        assertThat(failure.get()).isNull();
        assertThat(stillInterrupted.get()).isTrue();
    }

    @Test
    void aChatModelsModelIsFreedByAThreadThatIsInterrupted() throws Exception {
        MlxModel mlx = MlxModel.load(DemoModel.folder());
        closeInterrupted(mlx.thread(), mlx);
        mlx.close();
    }

    @Test
    void anEmbeddingModelIsFreedByAThreadThatIsInterrupted() throws Exception {
        MlxEmbeddingModel model = MlxEmbeddingModel.builder().modelPath(ENCODER).build();
        closeInterrupted(model.thread(), model);
        model.close();
        assertThatThrownBy(() -> model.embed("Hello!"))
                .isInstanceOf(NonRetriableException.class)
                .hasMessage("the model bert-mean is closed");
    }

    @Test
    void aScoringModelIsFreedByAThreadThatIsInterrupted() throws Exception {
        MlxScoringModel model = scoring();
        MlxThread thread = model.model().thread();
        closeInterrupted(thread, model);
        model.close();
        assertThatThrownBy(() -> model.scoreAll(List.of(TextSegment.from("a")), "b"))
                .isInstanceOf(NonRetriableException.class)
                .hasMessageContaining("closed");
    }

    private static MlxScoringModel scoring() {
        return MlxScoringModel.builder().modelPath(DemoModel.folder()).build();
    }

    @Test
    void closingOnTheModelsOwnThreadDoesNotWaitForItself() throws Exception {
        MlxModel mlx = MlxModel.load(DemoModel.folder());
        CompletableFuture<Boolean> closed = new CompletableFuture<>();
        mlx.thread().execute(() -> {
            mlx.close();
            closed.complete(mlx.isClosed());
        });
        assertThat(closed.get()).isTrue();
        mlx.close();
    }

    @Test
    void aHandlerMayCloseWhatItHearsOf() {
        MlxStreamingChatModel chat =
                MlxStreamingChatModel.builder().modelPath(DemoModel.folder()).build();
        CompletableFuture<ChatResponse> done = new CompletableFuture<>();
        chat.chat("Hello!", new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String piece) {
                chat.close();
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                done.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                done.completeExceptionally(error);
            }
        });
        assertThat(done.join().aiMessage().text()).isEqualTo("Hello! How can I help you?");
    }

    @Test
    void manyThreadsMayCloseAtOnceAndEachReturnsWhenAllIsFreed() throws Exception {
        MlxModel mlx = MlxModel.load(DemoModel.folder());
        List<Thread> threads = new ArrayList<>();
        List<Long> handles = java.util.Collections.synchronizedList(new ArrayList<>());
        for (int i = 0; i < 8; i++) {
            threads.add(Thread.ofVirtual().start(() -> {
                mlx.close();
                handles.add(LiveHandles.count());
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(handles).hasSize(8).containsOnly(handlesBefore);
    }

    @Test
    void whatFailsAfterTheWeightsAreLoadedLeavesNothing() {
        // The type and the heads of this model do not go with groups of 128.
        assertThatThrownBy(() -> MlxModel.builder()
                        .modelPath(DemoModel.folder())
                        .kvBits(4)
                        .kvGroupSize(128)
                        .build())
                .isInstanceOf(InvalidRequestException.class);
        assertThatThrownBy(() -> MlxScoringModel.builder()
                        .modelPath(DemoModel.folder())
                        .maxLength(1 << 20)
                        .build())
                .isInstanceOf(InvalidRequestException.class);
        assertThatThrownBy(() -> MlxEmbeddingModel.builder()
                        .modelPath(ENCODER)
                        .maxLength(2)
                        .build())
                .isInstanceOf(InvalidRequestException.class);
        assertThatThrownBy(() -> MlxChatModel.builder()
                        .modelPath(DemoModel.folder())
                        .logitBias(java.util.Map.of(999_999, 1.0))
                        .build())
                .isInstanceOf(InvalidRequestException.class);
    }

    @Test
    void vectorsAndScoresAreNotAwaitedOnTheThreadThatComputesThem() {
        try (MlxEmbeddingModel model =
                        MlxEmbeddingModel.builder().modelPath(ENCODER).build();
                MlxScoringModel scoring = scoring()) {
            assertThatThrownBy(() -> model.thread().run(() -> model.embed("Hello!")))
                    .isInstanceOf(NonRetriableException.class)
                    .hasMessageContaining("own thread");
            assertThatThrownBy(() ->
                            scoring.model().thread().run(() -> scoring.scoreAll(List.of(TextSegment.from("a")), "b")))
                    .isInstanceOf(NonRetriableException.class)
                    .hasMessageContaining("own thread");
        }
    }

    @Test
    void eachPartIsClosedWhateverTheOthersThrow() {
        List<String> closed = new ArrayList<>();
        OpenParts parts = new OpenParts();
        parts.add(() -> closed.add("first"));
        parts.add(() -> {
            closed.add("second");
            throw new IOException("disk");
        });
        parts.add(() -> {
            closed.add("third");
            throw new AssertionError("broken");
        });
        AssertionError thrown =
                org.assertj.core.api.Assertions.catchThrowableOfType(AssertionError.class, parts::close);
        assertThat(closed).containsExactly("third", "second", "first");
        assertThat(thrown).hasMessage("broken");
        assertThat(thrown.getSuppressed()).singleElement().isInstanceOf(IOException.class);
        parts.close();
        assertThat(closed).hasSize(3);
    }

    @Test
    void whatClosingThrowsDoesNotHideWhyALoadFailed() {
        OpenParts parts = new OpenParts();
        parts.on(MlxThread.start("mlx-model"));
        parts.add(() -> {
            throw new IllegalStateException("on " + Thread.currentThread().getName());
        });
        OutOfMemoryError failure = new OutOfMemoryError("heap");
        parts.closeAfter(failure);
        assertThat(failure.getSuppressed()).singleElement().satisfies(e -> assertThat(e)
                .hasMessage("on mlx-model"));
    }
}
