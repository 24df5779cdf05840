package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.GenerationListener;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Prompts that are prefilled while others decode, or while others need the same prefix: in which pieces, and by whom.
 */
@Timeout(120)
class PrefillBesideOthersTest {
    private static final int CHUNK = 64;
    private static final int SHARED = 500;
    private static final Sampling ENDLESS =
            new Sampling(0, 0, 0, 0, 0, 0.1, 1, 0, 0, 20, noEnds(), 1, Sampling.NO_LOGPROBS);

    @TempDir
    static Path folder;

    private static Path random;
    private static long handlesBefore;

    @BeforeAll
    static void write() {
        handlesBefore = LiveHandles.count();
        random = RandomModel.write(folder.resolve("random"), "x", List.of(), 3);
    }

    @AfterAll
    static void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static Map<Integer, Double> noEnds() {
        return Map.of(0, -1000.0, 1, -1000.0, 2, -1000.0, 3, -1000.0);
    }

    private static MlxModel model(UnaryOperator<MlxModel.Builder> settings) {
        return settings.apply(MlxModel.builder()
                        .modelPath(random)
                        .prefillChunkTokens(CHUNK)
                        .maxConcurrent(4))
                .build();
    }

    private static int[] prompt(int seed, int length) {
        int[] shared = TokenIds.random(new Random(1), SHARED);
        int[] own = TokenIds.random(new Random(seed), length);
        return IntStream.concat(IntStream.of(shared), IntStream.of(own)).toArray();
    }

    private static GenerationRequest request(int[] prompt, Object conversation, Isolation isolation, int tokens) {
        return new GenerationRequest(prompt, List.of(), conversation, isolation, ENDLESS, tokens, List.of());
    }

    private static GenerationResult generate(MlxModel mlx, int[] prompt) throws Exception {
        return mlx.engine()
                .submit(request(prompt, "x", Isolation.SHARED, 12), piece -> {})
                .result()
                .get();
    }

    /** Positions that prefill stopped at while another request decoded. */
    private static List<Integer> stops(MlxModel mlx, int[] prompt) throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        Engine.Handle decoding = mlx.engine()
                .submit(request(new int[] {5, 6}, "d", Isolation.SHARED, 10_000), piece -> begun.countDown());
        begun.await();
        List<Integer> stops = Collections.synchronizedList(new ArrayList<>());
        mlx.engine()
                .submit(request(prompt, "p", Isolation.SHARED, 2), new GenerationListener() {
                    @Override
                    public void onPrefill(int done, int all) {
                        stops.add(done);
                    }

                    @Override
                    public void onText(String piece) {}
                })
                .result()
                .get();
        assertThat(decoding.result()).isNotDone();
        decoding.cancel();
        decoding.result().get();
        return stops;
    }

    @Test
    void whileOthersDecodeChunksAreComputedInPieces() throws Exception {
        try (MlxModel mlx = model(settings -> settings.stallTarget(Duration.ofNanos(1)))) {
            assertThat(stops(mlx, prompt(2, 30)))
                    .containsExactly(
                            0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480, 512, 529, 530);
        }
    }

    @Test
    void aTargetThatIsFarAwayLeavesChunksWholeWhenTheRateIsKnown() throws Exception {
        try (MlxModel mlx = model(settings -> settings.stallTarget(Duration.ofHours(1)))) {
            generate(mlx, prompt(3, 30));
            mlx.promptCache().evict("x").join();
            assertThat(stops(mlx, prompt(2, 30))).containsExactly(0, 64, 128, 192, 256, 320, 384, 448, 512, 529, 530);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whereTheVeryBitsAreWantedChunksStayWhole(boolean reuse) throws Exception {
        try (MlxModel mlx = model(settings ->
                settings.stallTarget(Duration.ofNanos(1)).exactReuse(reuse).exactBatching(!reuse))) {
            assertThat(stops(mlx, prompt(2, 30))).containsExactly(0, 64, 128, 192, 256, 320, 384, 448, 512, 529, 530);
        }
    }

    /** With state layers too (maxKvSize), and in whole chunks. */
    @ParameterizedTest
    @ValueSource(strings = {"full", "bounded", "exactReuse", "exactBatching"})
    void requestsThatComeTogetherComputeTheirPrefixOnce(String kind) throws Exception {
        UnaryOperator<MlxModel.Builder> settings = builder -> switch (kind) {
            case "bounded" -> builder.maxKvSize(1000);
            case "exactReuse" -> builder.exactReuse(true);
            case "exactBatching" -> builder.exactBatching(true);
            default -> builder;
        };
        List<int[]> prompts =
                IntStream.range(2, 6).mapToObj(i -> prompt(i, 20 + i)).toList();
        List<int[]> alone = new ArrayList<>();
        for (int[] prompt : prompts) {
            try (MlxModel mlx = model(settings)) {
                alone.add(generate(mlx, prompt).generated());
            }
        }
        try (MlxModel mlx = model(settings)) {
            List<Engine.Handle> handles = new ArrayList<>();
            mlx.thread().run(() -> {
                for (int i = 0; i < prompts.size(); i++) {
                    handles.add(mlx.engine().submit(request(prompts.get(i), i, Isolation.SHARED, 12), piece -> {}));
                }
            });
            int expected = kind.startsWith("exact") ? SHARED / CHUNK * CHUNK : SHARED;
            for (int i = 0; i < handles.size(); i++) {
                GenerationResult result = handles.get(i).result().get();
                assertThat(result.generated()).as("request %d", i).isEqualTo(alone.get(i));
                assertThat(result.cachedTokens()).isGreaterThanOrEqualTo(i == 0 ? 0 : expected);
                assertThat(result.timings().prefixWait() > 0).isEqualTo(i > 0);
                assertThat(result.timings().queued())
                        .isGreaterThanOrEqualTo(result.timings().prefixWait());
            }
        }
    }

    @Test
    void isolatedConversationsDoNotWaitForEachOther() throws Exception {
        try (MlxModel mlx = model(settings -> settings)) {
            List<Engine.Handle> handles = new ArrayList<>();
            mlx.thread().run(() -> {
                for (int i = 0; i < 3; i++) {
                    handles.add(
                            mlx.engine().submit(request(prompt(2, 20), i, Isolation.PER_MEMORY_ID, 3), piece -> {}));
                }
            });
            for (Engine.Handle handle : handles) {
                assertThat(handle.result().get().timings().prefixWait()).isZero();
                assertThat(handle.result().get().cachedTokens()).isZero();
            }
        }
    }

    @Test
    void whoComputesThePrefixMayBeCancelled() throws Exception {
        try (MlxModel mlx = model(settings -> settings)) {
            List<Engine.Handle> handles = new ArrayList<>();
            GenerationListener cancels = new GenerationListener() {
                @Override
                public void onPrefill(int done, int all) {
                    if (done >= CHUNK) {
                        handles.getFirst().cancel();
                    }
                }

                @Override
                public void onText(String piece) {}
            };
            mlx.thread().run(() -> {
                handles.add(mlx.engine().submit(request(prompt(2, 20), "a", Isolation.SHARED, 3), cancels));
                handles.add(mlx.engine().submit(request(prompt(3, 20), "b", Isolation.SHARED, 3), piece -> {}));
            });
            assertThat(handles.get(0).result().get().end()).isEqualTo(GenerationResult.End.CANCELLED);
            GenerationResult second = handles.get(1).result().get();
            assertThat(second.generated()).hasSize(3);
            assertThat(second.cachedTokens()).as("what was computed").isGreaterThanOrEqualTo(CHUNK);
        }
    }

    @Test
    void sharesOfTimeAreChecked() {
        assertThatThrownBy(() -> model(settings -> settings.stallTarget(Duration.ZERO)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("stallTarget (PT0S) must be positive");
        for (double share : new double[] {-0.1, 1, Double.NaN}) {
            assertThatThrownBy(() -> model(settings -> settings.decodeShare(share)))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("decodeShare (" + share + ") must be at least 0 and less than 1");
        }
    }
}
