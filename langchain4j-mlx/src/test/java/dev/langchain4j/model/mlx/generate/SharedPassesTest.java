package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What requests are told of their neighbours: rows of shared passes, time in the queue, stalls, waits for memory. */
class SharedPassesTest {
    private static final int PROMPT = 400;
    private static final int ANSWER = 400;

    @TempDir
    static Path folder;

    private long handles;
    private MlxThread thread;
    private Tokenizer tokenizer;
    private ModelLoader.Loaded loaded;

    @BeforeEach
    void open() {
        handles = LiveHandles.count();
        Path model = RandomModel.write(folder.resolve("model"), "x", List.of(), 1);
        thread = MlxThread.start("shared");
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        loaded = thread.call(() -> ModelLoader.load(model, DType.FLOAT32));
    }

    @AfterEach
    void close() {
        thread.run(() -> loaded.weights().close());
        thread.close();
        tokenizer.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static GenerationRequest request(int conversation) {
        int[] prompt = TokenIds.random(new Random(conversation), PROMPT);
        return new GenerationRequest(
                prompt, List.of(), "c" + conversation, Isolation.SHARED, Sampling.GREEDY, ANSWER, List.of());
    }

    private List<GenerationResult> together(int count, int concurrent, boolean exact, long bytes, Room room)
            throws Exception {
        TrieCache cache = new TrieCache(CacheLimits.ofBytes(bytes), System::nanoTime);
        EngineLimits limits = new EngineLimits(concurrent, count, null, Duration.ofSeconds(10), exact);
        try (Engine engine = new Engine(
                thread, loaded.model(), tokenizer, cache, CacheKey.of("m", ""), Set.of(), 4096, 128, limits)) {
            engine.room(room);
            // so that the cache knows what a sequence takes
            engine.submit(request(100), piece -> {}).result().get();
            List<Engine.Handle> all = thread.call(() -> {
                List<Engine.Handle> handles = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    handles.add(engine.submit(request(i), piece -> {}));
                }
                return handles;
            });
            List<GenerationResult> results = new ArrayList<>();
            for (Engine.Handle one : all) {
                results.add(one.result().get());
            }
            return results;
        } finally {
            thread.run(cache::close);
        }
    }

    @Test
    void rowsAreThoseThatShareAPass() throws Exception {
        for (GenerationResult result : together(3, 3, false, 64 << 20, CacheSession::hasRoom)) {
            assertThat(result.rows().max()).isEqualTo(3);
            assertThat(result.rows().mean())
                    .as("how soon the others join depends on how long their prompts take")
                    .isGreaterThan(1)
                    .isLessThanOrEqualTo(3);
            assertThat(result.timings().longestStall())
                    .isPositive()
                    .isLessThanOrEqualTo(result.timings().total());
            assertThat(result.timings().waitedForMemory()).isZero();
        }
        for (GenerationResult result : together(3, 3, true, 64 << 20, CacheSession::hasRoom)) {
            assertThat(result.rows()).isEqualTo(new GenerationResult.Rows(1, 1));
        }
    }

    @Test
    void whoWaitsForAPlaceIsInTheQueueAndRunsAlone() throws Exception {
        List<GenerationResult> results = together(2, 1, false, 64 << 20, CacheSession::hasRoom);
        GenerationResult first = results.getFirst();
        GenerationResult second = results.getLast();
        assertThat(second.rows()).isEqualTo(new GenerationResult.Rows(1, 1));
        assertThat(second.timings().queued())
                .isGreaterThanOrEqualTo(first.timings().total());
        assertThat(second.timings().waitedForMemory())
                .as("a place is not memory")
                .isZero();
    }

    @Test
    void whoFindsNoMemoryToBeginSaysHowLongItWaited() throws Exception {
        // a token takes 256 bytes: there is room for one sequence
        List<GenerationResult> results = together(2, 2, false, 165_000, CacheSession::hasRoom);
        GenerationResult.Timings first = results.getFirst().timings();
        GenerationResult.Timings second = results.getLast().timings();
        assertThat(first.waitedForMemory()).isZero();
        assertThat(second.waitedForMemory())
                .isGreaterThanOrEqualTo(first.total() - first.timeToFirstToken())
                .isLessThanOrEqualTo(second.queued());
        assertThat(results.getLast().rows().max()).isEqualTo(1);
    }

    @Test
    void whoFindsNoMemoryToGrowSaysHowLongItWaited() throws Exception {
        List<CacheSession> seen = new ArrayList<>();
        Room room = (session, tokens) -> {
            if (!seen.contains(session)) {
                seen.add(session);
            }
            // the last one of three waits with its second chunk until the one before it has given its session back
            boolean waits = seen.indexOf(session) == 2 && tokens > 128 && !isClosed(seen.get(1));
            return !waits;
        };
        List<GenerationResult> results = together(2, 2, false, 64 << 20, room);
        GenerationResult.Timings waited = results.getLast().timings();
        assertThat(results.getFirst().timings().waitedForMemory()).isZero();
        assertThat(waited.waitedForMemory()).isPositive().isLessThanOrEqualTo(waited.total());
        assertThat(results.getLast().generated()).hasSize(ANSWER);
    }

    private static boolean isClosed(CacheSession session) {
        try {
            session.checkpoint();
            return false;
        } catch (IllegalStateException e) {
            return e.getMessage().contains("closed");
        }
    }

    @Test
    void whatFailsWhileRoomIsMadeIsThatRequestsOwn() throws Exception {
        List<CacheSession> seen = new ArrayList<>();
        Room room = (session, tokens) -> {
            if (!seen.contains(session)) {
                seen.add(session);
            }
            if (seen.indexOf(session) == 2 && tokens > PROMPT + 5) {
                throw new OutOfMemoryError("injected");
            }
            return true;
        };
        assertThatThrownBy(() -> together(2, 2, false, 64 << 20, room))
                .hasRootCauseInstanceOf(OutOfMemoryError.class)
                .hasRootCauseMessage("injected");
        List<CacheSession> again = new ArrayList<>();
        Room never = (session, tokens) -> again.add(session);
        assertThat(together(2, 2, false, 64 << 20, never)).hasSize(2);
    }
}
