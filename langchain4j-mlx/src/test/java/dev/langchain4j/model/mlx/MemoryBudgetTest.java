package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.PromptCacheStats;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the models of a process may take together, on a Mac of 16 GB. */
class MemoryBudgetTest {
    private static final long GIB = 1L << 30;

    private final FakeProcess process = new FakeProcess(FakeProcess.mac(16 * GIB, 10 * GIB));
    private final MemoryBudget budget = new MemoryBudget(process);

    /** A prompt cache whose stored part can be evicted. */
    private final class FakeCache implements MemoryBudget.Cache {
        private long stored;
        private long running;
        private long promised;

        FakeCache stores(long bytes) {
            process.inCaches += bytes - stored;
            stored = bytes;
            return this;
        }

        FakeCache runs(long bytes, long mayGrowBy) {
            process.inCaches += bytes - running;
            running = bytes;
            promised = mayGrowBy;
            return this;
        }

        @Override
        public PromptCacheStats stats() {
            return new PromptCacheStats(
                    Map.of(),
                    0,
                    0,
                    0,
                    stored + running,
                    running,
                    promised,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    Duration.ZERO,
                    Duration.ZERO);
        }

        @Override
        public CompletableFuture<Long> trimTo(long bytes) {
            long before = stored;
            stores(Math.min(stored, Math.max(0, bytes - running)));
            return CompletableFuture.completedFuture(before - stored);
        }
    }

    private MemoryBudget.Claim claim(CacheLimits limits, FakeCache cache) {
        MemoryBudget.Claim claim = budget.claim(limits);
        claim.heldBy(cache);
        return claim;
    }

    @Test
    void promptCachesShareWhatWeightsLeaveAndLeaveAShareToTemporaryArrays() {
        process.weights = 4 * GIB;
        MemoryBudget.Claim first = budget.claim(null);
        assertThat(first.bytesMax()).isEqualTo(3 * GIB);
        assertThat(first.buffersMax()).isEqualTo(249_500);

        process.weights = 7 * GIB;
        MemoryBudget.Claim second = budget.claim(null);
        assertThat(first.bytesMax()).isEqualTo(second.bytesMax()).isEqualTo(GIB);
        assertThat(first.buffersMax()).isEqualTo(second.buffersMax()).isEqualTo(166_333);

        process.weights = 4 * GIB;
        second.close();
        assertThat(first.bytesMax()).as("the second is closed").isEqualTo(3 * GIB);
    }

    @Test
    void whatThePromptCacheOfOneModelHoldsGivesWayToAnotherModel() {
        process.weights = 2 * GIB;
        FakeCache cache = new FakeCache();
        MemoryBudget.Claim first = claim(null, cache);
        cache.stores(4 * GIB);
        budget.check("second", 6 * GIB);
        assertThat(cache.stored)
                .as("before the weights are read")
                .isEqualTo(first.bytesMax())
                .isEqualTo(GIB);
        process.weights = 8 * GIB;
        budget.claim(null);
        assertThat(cache.stored).isEqualTo(first.bytesMax()).isEqualTo(2 * GIB / 3);
    }

    @Test
    void whatAnApplicationSetHoldsAndCounts() {
        MemoryBudget.Claim own = budget.claim(CacheLimits.ofBytes(8 * GIB));
        assertThat(own.bytesMax()).isEqualTo(8 * GIB);
        assertThat(budget.claim(null).bytesMax()).isEqualTo(GIB);
        assertThat(own.buffersMax()).as("buffers are shared all the same").isEqualTo(166_333);
        budget.claim(CacheLimits.ofBytes(Long.MAX_VALUE));
        assertThat(budget.claim(null).bytesMax()).isZero();
    }

    @Test
    void aModelThatDoesNotFitIsRefusedWithWhatItTakesAndWhatThereIs() {
        process.weights = 3 * GIB;
        assertThat(budget.fits(6 * GIB)).isTrue();
        FakeCache cache = new FakeCache();
        claim(null, cache);
        cache.stores(2 * GIB);
        assertThat(budget.fits(6 * GIB)).as("what is stored can be evicted").isTrue();
        cache.runs(GIB / 2, GIB / 4);
        assertThat(budget.fits(6 * GIB)).as("what runs cannot").isFalse();
        assertThat(budget.takenBytes()).isEqualTo(3 * GIB + GIB / 2 + GIB / 4);
        assertThatThrownBy(() -> budget.check("large", 6 * GIB))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll(
                        "cannot load large: its weights take 6.00 GiB",
                        "computation takes 512 MiB",
                        "at most 10.0 GiB",
                        "3.75 GiB are in use",
                        "MlxMemory.setLimit");
        assertThat(cache.stored).as("nothing is evicted for it").isEqualTo(2 * GIB);
    }

    @Test
    void aModelForWhichTheProcessHasNoRoomIsRefused() {
        process.rest = 9 * GIB;
        assertThat(process.limits.footprintBytes()).isEqualTo(14 * GIB);
        assertThatCode(() -> budget.check("small", 5 * GIB)).doesNotThrowAnyException();
        assertThatThrownBy(() -> budget.check("large", 6 * GIB))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll(
                        "cannot load large: its weights take 6.00 GiB",
                        "the process takes 9.00 GiB of the 14.0 GiB",
                        "-Xmx",
                        "MlxMemory.setFootprintLimit");
        assertThat(process.givenBack).isEqualTo(1);
    }

    @Test
    void promptCachesGiveWayBeforeRequestsAreRefused() {
        FakeCache large = new FakeCache();
        FakeCache small = new FakeCache();
        claim(CacheLimits.ofBytes(8 * GIB), large);
        claim(CacheLimits.ofBytes(8 * GIB), small);
        large.stores(5 * GIB);
        small.stores(2 * GIB).runs(GIB, 0);
        process.rest = 5 * GIB;
        budget.admit();
        assertThat(process.givenBack).as("13 of 14 GiB").isZero();

        process.rest = 7 * GIB;
        budget.admit();
        assertThat(large.stored).as("what is too much, and a little more").isBetween(3 * GIB, 4 * GIB - 1);
        assertThat(small.stored).isEqualTo(2 * GIB);
        assertThat(process.givenBack).isEqualTo(1);

        process.rest = 12 * GIB;
        budget.admit();
        assertThat(large.stored).isZero();
        assertThat(small.stored + small.running).isLessThanOrEqualTo(2 * GIB);

        process.rest = 14 * GIB;
        assertThatThrownBy(budget::admit)
                .isInstanceOf(RateLimitException.class)
                .hasMessageContainingAll(
                        "the process takes 15.0 GiB", "at most 14.0 GiB", "try again later", "setFootprintLimit");
        assertThat(small.stored).as("all that can be evicted is").isZero();
        process.rest = 12 * GIB;
        assertThatCode(budget::admit).doesNotThrowAnyException();
    }

    @Test
    void aProcessWhoseFootprintIsNotKnownIsNotLimited() {
        MemoryBudget unknown = new MemoryBudget(new MemoryBudget.Source() {
            @Override
            public long footprintBytes() {
                return 0;
            }
        });
        assertThatCode(unknown::admit).doesNotThrowAnyException();
    }

    @Test
    void loadedModelsDoNotPromiseTheSameMemoryTwice() {
        try (MlxModel first = MlxModel.load(DemoModel.folder())) {
            long alone = first.promptCache().stats().bytesMax();
            try (MlxModel second = MlxModel.load(DemoModel.folder())) {
                first.promptCache().trimTo(Long.MAX_VALUE).join();
                long both = first.promptCache().stats().bytesMax();
                assertThat(both)
                        .isLessThan(alone)
                        .isEqualTo(second.promptCache().stats().bytesMax());
                assertThat(2 * both).isLessThan(MlxMemory.budgetBytes() - MlxMemory.weightBytes());
            }
        }
    }

    /** A single request is admitted all the same: nothing else would make room for it. */
    @Test
    void aRequestBesideOthersIsRefusedIfTheProcessTakesTooMuchAndCounts(@TempDir Path folder) throws Exception {
        String template = "{%- for m in messages %}{{ m['content'] }}{%- endfor %}:";
        try (MlxModel model = MlxModel.load(RandomModel.write(folder.resolve("random"), template, List.of(), 3))) {
            MlxChatModel chat =
                    MlxChatModel.builder().model(model).maxOutputTokens(4).build();
            MlxCancellation cancellation = new MlxCancellation();
            CompletableFuture<ChatResponse> running = endless(model, cancellation);
            long limit = MlxMemory.footprintLimitBytes();
            MlxMemory.setFootprintLimit(1);
            try {
                assertThatThrownBy(() -> chat.chat("hello"))
                        .isInstanceOf(RateLimitException.class)
                        .hasMessageContaining("at most 1 bytes");
                assertThat(model.engine().stats().refused()).isEqualTo(1);
                assertThat(running).as("what runs goes on").isNotDone();
                cancellation.cancel();
                while (!model.engine().isIdle()) {
                    Thread.sleep(1);
                }
                assertThat(chat.chat("hello")).isNotNull();
            } finally {
                MlxMemory.setFootprintLimit(limit);
            }
        }
    }

    /** An answer that goes on until it is cancelled; its first token is there. */
    private static CompletableFuture<ChatResponse> endless(MlxModel model, MlxCancellation cancellation)
            throws InterruptedException {
        CompletableFuture<ChatResponse> answer = new CompletableFuture<>();
        CountDownLatch begun = new CountDownLatch(1);
        ChatRequest request = ChatRequest.builder()
                .messages(UserMessage.from("hello"))
                .parameters(MlxChatRequestParameters.builder()
                        .logitBias(Map.of(0, -1000.0, 1, -1000.0, 2, -1000.0, 3, -1000.0))
                        .maxOutputTokens(20_000)
                        .cancellation(cancellation)
                        .build())
                .build();
        MlxStreamingChatModel.builder().model(model).build().chat(request, new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String piece) {
                begun.countDown();
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                answer.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                answer.completeExceptionally(error);
            }
        });
        begun.await();
        return answer;
    }
}
