package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.PromptCacheStats;
import dev.langchain4j.model.mlx.generate.EngineStats;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Sixteen threads that do to a model whatever an application can: calls, streams, cancels, handlers that throw errors,
 * interrupts, evictions, forks in circles, closes in the middle, in a cache that holds few conversations, or none, with
 * a short queue. Nothing hangs, every caller is told an end, nothing is left. {@code -Dsoak.seconds=N} says how long,
 * {@code -Dseed=N} repeats the choices of each thread.
 */
class SoakTest {
    private static final int THREADS = 16;
    private static final int CONVERSATIONS = 6;
    private static final int CHUNK_TOKENS = 16;
    /** What buffers of the one layer of the model take at the least; they grow in steps of it. */
    private static final int STEP_BYTES = 256 * 256;

    private static final long PATIENCE_SECONDS = 60;
    private static final String TEMPLATE =
            "{%- for m in messages %}{{ m['content'] + '\n' }}{%- endfor %}{%- if add_generation_prompt %}:{%- endif %}";

    @TempDir
    static Path folder;

    private final Map<String, AtomicLong> ends = new ConcurrentHashMap<>();

    private static MlxModel model(int maxConcurrent, long bytesMax) {
        return MlxModel.builder()
                .modelPath(folder.resolve("model"))
                .maxConcurrent(maxConcurrent)
                .maxQueued(THREADS - 2)
                .queueTimeout(Duration.ofSeconds(2))
                .gracePeriod(Duration.ofMillis(20))
                .prefillChunkTokens(CHUNK_TOKENS)
                .cacheLimits(CacheLimits.ofBytes(bytesMax))
                .build();
    }

    @ParameterizedTest
    @CsvSource({"1, 200000", "4, 400000", "16, 1600000", "1, 12000"})
    void nothingHangsAndNothingIsLeft(int maxConcurrent, long bytesMax) throws Exception {
        long seed = Seeds.seed(SoakTest.class);
        System.out.printf("soak, %d at a time, %d bytes, seed %d%n", maxConcurrent, bytesMax, seed);
        RandomModel.write(folder.resolve("model"), TEMPLATE, List.of(), 1);
        long handles = LiveHandles.count();
        long bytes = MlxMemory.activeBytes();
        try (MlxModel mlx = model(maxConcurrent, bytesMax)) {
            Throwable failure = operateAll(mlx, maxConcurrent, bytesMax, seed);
            System.out.printf(
                    "soak: %s; %s; %s%n", ends, mlx.engine().stats(), failure == null ? "no check failed" : failure);
            if (failure != null) {
                throw new AssertionError("the first check that failed, seed " + seed, failure);
            }
            mlx.promptCache().nodes().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            EngineStats stats = mlx.engine().stats();
            assertThat(stats.waiting() + stats.running()).as("%s", stats).isZero();
            assertThat(mlx.promptCache().stats().bytesRunning()).isZero();
            assertThat(ends).containsKeys(bytesMax > STEP_BYTES ? "response" : "no memory", "cancelled");
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
        assertThat(MlxMemory.activeBytes()).isLessThanOrEqualTo(bytes);
    }

    /** The check that failed first, or null; the first one ends the operations of all threads. */
    private Throwable operateAll(MlxModel mlx, int maxConcurrent, long bytesMax, long seed) {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.getLong("soak.seconds", 5));
        try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
            for (int t = 0; t < THREADS; t++) {
                Random random = new Random(seed * 100 + t);
                threads.execute(() -> {
                    try {
                        while (failure.get() == null && System.nanoTime() - end < 0) {
                            operate(mlx, maxConcurrent, bytesMax, random);
                        }
                    } catch (Throwable e) {
                        failure.compareAndSet(null, e);
                    }
                });
            }
        }
        return failure.get();
    }

    private void operate(MlxModel mlx, int maxConcurrent, long bytesMax, Random random) throws Exception {
        switch (random.nextInt(12)) {
            case 0, 1, 2 -> call(mlx, random);
            case 3, 4, 5 -> stream(mlx, random);
            case 6 -> interrupted(mlx, random);
            case 7, 8 -> cache(mlx, bytesMax, random);
            case 9 -> {
                if (random.nextInt(8) == 0) {
                    closedInTheMiddle(maxConcurrent, bytesMax, random);
                }
            }
            case 10 -> cancelledCall(mlx, random);
            default -> onTheModelsThread(mlx);
        }
        PromptCacheStats stats = mlx.promptCache().stats();
        assertThat(stats.bytesHeld()).as("%s", stats).isLessThanOrEqualTo(bytesMax + STEP_BYTES);
    }

    private static ChatRequest request(Random random, MlxCancellation cancellation) {
        String text = "Hello! ".repeat(1 + random.nextInt(random.nextInt(6) == 0 ? 60 : 8)) + random.nextInt(4);
        MlxChatRequestParameters.Builder parameters = MlxChatRequestParameters.builder()
                .maxOutputTokens(1 + random.nextInt(30))
                .temperature(random.nextInt(3) * 0.5)
                .cancellation(cancellation)
                .memoryId(random.nextInt(5) == 0 ? null : "c" + random.nextInt(CONVERSATIONS))
                .isolation(random.nextInt(4) == 0 ? Isolation.PER_MEMORY_ID : Isolation.SHARED);
        if (random.nextInt(6) == 0) {
            parameters.timeout(Duration.ofMillis(1 + random.nextInt(60)));
        }
        if (random.nextInt(8) == 0) {
            parameters.responseFormat(
                    ResponseFormat.builder().type(ResponseFormatType.JSON).build());
        }
        return ChatRequest.builder()
                .messages(UserMessage.from(text))
                .parameters(parameters.build())
                .build();
    }

    /** Runs a call and writes down how it ended; other ends than these are failures of the test. */
    private void told(Supplier<ChatResponse> call) {
        String end = "response";
        try {
            assertThat(call.get()).isNotNull();
        } catch (LangChain4jException e) {
            end = nameOf(e);
        }
        count(end);
    }

    private static String nameOf(Throwable e) {
        return switch (e) {
            case TimeoutException t -> "timeout";
            case RateLimitException r -> "refused";
            case NonRetriableException n when n.getMessage().contains("cancelled") -> "cancelled";
            case NonRetriableException n when n.getMessage().contains("closed") -> "closed";
            case NonRetriableException n when n.getMessage().contains("interrupted") -> "interrupted";
            case NonRetriableException n when n.getMessage().contains("memory") -> "no memory";
            case NonRetriableException n when n.getMessage().contains("thread") -> "own thread";
            default -> throw new AssertionError("an end that nobody expects", e);
        };
    }

    private void count(String end) {
        ends.computeIfAbsent(end, e -> new AtomicLong()).incrementAndGet();
    }

    private void call(MlxModel mlx, Random random) {
        told(() -> MlxChatModel.builder().model(mlx).build().chat(request(random, null)));
    }

    private void cancelledCall(MlxModel mlx, Random random) throws Exception {
        MlxCancellation cancellation = new MlxCancellation();
        ChatRequest request = request(random, cancellation);
        CompletableFuture<Void> ended = CompletableFuture.runAsync(
                () -> told(() -> MlxChatModel.builder().model(mlx).build().chat(request)),
                task -> Thread.ofVirtual().start(task));
        Thread.sleep(random.nextInt(15));
        cancellation.cancel();
        ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private void interrupted(MlxModel mlx, Random random) throws Exception {
        ChatRequest request = request(random, null);
        CompletableFuture<Void> ended = new CompletableFuture<>();
        Thread caller = Thread.ofVirtual().start(() -> {
            try {
                told(() -> MlxChatModel.builder().model(mlx).build().chat(request));
                ended.complete(null);
            } catch (Throwable e) {
                ended.completeExceptionally(e);
            }
        });
        Thread.sleep(random.nextInt(15));
        caller.interrupt();
        ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private void onTheModelsThread(MlxModel mlx) {
        told(() -> mlx.thread()
                .call(() -> MlxChatModel.builder().model(mlx).build().chat(UserMessage.from("Hello!"))));
    }

    /**
     * A stream whose handler throws, dawdles, interrupts itself or cancels; it is told one end, or none if it
     * cancelled.
     */
    private void stream(MlxModel mlx, Random random) throws Exception {
        MlxCancellation cancellation = random.nextInt(4) == 0 ? new MlxCancellation() : null;
        Handler handler = new Handler(random.nextInt(6));
        MlxStreamingChatModel.builder().model(mlx).build().chat(request(random, cancellation), handler);
        if (cancellation != null) {
            Thread.sleep(random.nextInt(10));
            cancellation.cancel();
            count("cancelled");
            return;
        }
        count(handler.end.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
        assertThat(handler.ends).hasValueLessThanOrEqualTo(1);
    }

    private static final class Handler implements StreamingChatResponseHandler {
        private static final Error THROWN = new AssertionError("thrown by a handler");
        private static final RuntimeException RAISED = new IllegalStateException("raised by a handler");

        private final int kind;
        private final AtomicInteger ends = new AtomicInteger();
        private final CompletableFuture<String> end = new CompletableFuture<>();

        Handler(int kind) {
            this.kind = kind;
        }

        @Override
        public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
            switch (kind) {
                case 0 -> throw THROWN;
                case 1 -> throw RAISED;
                case 2 -> Thread.currentThread().interrupt();
                case 3 -> {
                    context.streamingHandle().cancel();
                    end.complete("cancelled");
                }
                case 4 -> Thread.yield();
                default -> {
                    // as most handlers
                }
            }
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
            ends.incrementAndGet();
            end.complete("response");
        }

        @Override
        public void onError(Throwable error) {
            if (error != THROWN && error != RAISED) {
                ends.incrementAndGet();
                try {
                    end.complete(nameOf(error));
                } catch (Throwable e) {
                    end.completeExceptionally(e);
                }
            }
        }
    }

    private static void cache(MlxModel mlx, long bytesMax, Random random) throws Exception {
        String one = "c" + random.nextInt(CONVERSATIONS);
        String other = "c" + random.nextInt(CONVERSATIONS);
        CompletableFuture<?> done =
                switch (random.nextInt(5)) {
                    case 0 -> mlx.promptCache().evict(one);
                    case 1 -> mlx.promptCache().trimTo(random.nextInt((int) bytesMax));
                    case 2 -> mlx.promptCache().dump();
                    case 3 -> mlx.promptCache().evictIf(id -> id.equals(one));
                    default ->
                        one.equals(other)
                                ? mlx.promptCache().nodes()
                                : mlx.promptCache().fork(one, other);
                };
        done.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** A model of its own with a few requests, closed by another thread while they run and wait. */
    private void closedInTheMiddle(int maxConcurrent, long bytesMax, Random random) throws Exception {
        MlxModel mlx = model(maxConcurrent, bytesMax);
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            ChatRequest request = request(random, null);
            all.add(CompletableFuture.runAsync(
                    () -> told(() -> MlxChatModel.builder().model(mlx).build().chat(request)),
                    task -> Thread.ofVirtual().start(task)));
        }
        Handler handler = new Handler(5);
        MlxStreamingChatModel.builder().model(mlx).build().chat(request(random, null), handler);
        Thread.sleep(random.nextInt(20));
        Thread.ofPlatform().start(mlx::close);
        mlx.close();
        for (CompletableFuture<Void> one : all) {
            one.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
        count(handler.end.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
    }
}
