package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Builders that name the same model share one, with one prompt cache, until the last of their chat models is closed.
 */
@Timeout(60)
class SharedModelsTest {
    private long handlesBefore;

    @BeforeEach
    void count() {
        handlesBefore = LiveHandles.count();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static MlxChatModel blocking() {
        return MlxChatModel.builder()
                .modelPath(DemoModel.folder())
                .temperature(0.0)
                .build();
    }

    @Test
    void theBlockingTheStreamingAndTheScoringModelShareOne() {
        MlxChatModel blocking = blocking();
        MlxStreamingChatModel streaming = MlxStreamingChatModel.builder()
                .modelName(DemoModel.folder().toString())
                .build();
        MlxScoringModel scoring =
                MlxScoringModel.builder().modelPath(DemoModel.folder()).build();
        MlxModel mlx = blocking.model();
        assertThat(streaming.model()).isSameAs(mlx);
        assertThat(scoring.model()).isSameAs(mlx);
        blocking.chat("Hello!");
        assertThat(streaming.model().promptCache().stats().promptTokens()).isPositive();

        blocking.close();
        blocking.close();
        scoring.close();
        assertThat(mlx.isClosed()).isFalse();
        assertThatThrownBy(() -> blocking.chat("Hello!"))
                .isInstanceOf(NonRetriableException.class)
                .hasMessageContaining("closed");
        streaming.close();
        assertThat(mlx.isClosed()).isTrue();

        try (MlxChatModel again = blocking()) {
            assertThat(again.model()).isNotSameAs(mlx);
            assertThat(again.chat("Hello!")).isEqualTo("Hello! How can I help you?");
        }
    }

    @Test
    void linksToAFolderAreThatFolderIfTheyHaveItsName(@TempDir Path other) throws Exception {
        Path link = Files.createSymbolicLink(
                other.resolve(DemoModel.folder().getFileName()),
                DemoModel.folder().toAbsolutePath());
        Path alias = Files.createSymbolicLink(
                other.resolve("alias"), DemoModel.folder().toAbsolutePath());
        try (MlxChatModel blocking = blocking();
                MlxChatModel linked = MlxChatModel.builder().modelPath(link).build();
                MlxChatModel named = MlxChatModel.builder().modelPath(alias).build()) {
            assertThat(linked.model()).isSameAs(blocking.model());
            // Answers and listeners show another name, so it is another model.
            assertThat(named.model()).isNotSameAs(blocking.model());
        }
    }

    @Test
    void whoComesWhileAModelIsLoadedWaitsForIt() throws Exception {
        List<MlxChatModel> chats = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch go = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    return;
                }
                chats.add(blocking());
            }));
        }
        go.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(chats.stream().map(MlxChatModel::model).distinct()).hasSize(1);
        assertThat(chats).hasSize(8);
        // Closed and opened at once: each finds a model that lives.
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        threads.clear();
        for (MlxChatModel chat : chats) {
            threads.add(Thread.ofPlatform().start(() -> {
                chat.close();
                try (MlxChatModel next = blocking()) {
                    next.chat("Hello!");
                } catch (Throwable e) {
                    failures.add(e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
    }

    @Test
    void explicitLoadsAreModelsOfTheirOwnAndStayTheCallers() {
        try (MlxModel mlx = MlxModel.load(DemoModel.folder());
                MlxModel other = MlxModel.load(DemoModel.folder());
                MlxChatModel own = blocking()) {
            assertThat(other).isNotSameAs(mlx);
            assertThat(own.model()).isNotSameAs(mlx);
            MlxChatModel given =
                    MlxChatModel.builder().model(mlx).temperature(0.0).build();
            given.close();
            assertThat(given.chat("Hello!")).isEqualTo("Hello! How can I help you?");
        }
    }

    @Test
    void aModelThatAUserClosedIsLoadedAnewForTheNext() {
        try (MlxChatModel first = blocking()) {
            first.model().close();
            try (MlxChatModel second = blocking()) {
                assertThat(second.chat("Hello!")).isEqualTo("Hello! How can I help you?");
            }
        }
    }

    @Test
    void aFailedLoadIsTriedAgain(@TempDir Path folder) throws Exception {
        assertThatThrownBy(() -> MlxChatModel.builder().modelPath(folder).build())
                .hasMessageContaining("config.json");
        try (var files = Files.list(DemoModel.folder())) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        try (MlxChatModel chat = MlxChatModel.builder().modelPath(folder).build()) {
            assertThat(chat.model().name()).isEqualTo(folder.getFileName().toString());
        }
    }
}
