package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a sequence does that reaches the limit of memory, and how long answers get that nothing else ends. */
class EngineRoomTest {
    private static final int PROMPT = 40;

    @TempDir
    Path folder;

    private static GenerationRequest request(Integer maxTokens) {
        int[] prompt = TokenIds.random(new Random(1), PROMPT);
        return new GenerationRequest(prompt, List.of(), null, Isolation.SHARED, Sampling.GREEDY, maxTokens, List.of());
    }

    private GenerationResult generate(int roomTokens) throws Exception {
        Path model = RandomModel.write(folder.resolve("model"), "x", List.of(), 1);
        try (MlxThread thread = MlxThread.start("room");
                Tokenizer tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"))) {
            ModelLoader.Loaded loaded = thread.call(() -> ModelLoader.load(model, DType.FLOAT32));
            TrieCache cache = new TrieCache(CacheLimits.ofBytes(64 << 20), System::nanoTime);
            try (Engine engine =
                    new Engine(thread, loaded.model(), tokenizer, cache, CacheKey.of("room", ""), Set.of(), 4096, 16)) {
                engine.room((session, tokens) -> tokens <= roomTokens);
                return engine.submit(request(100), piece -> {}).result().get();
            } finally {
                thread.run(() -> {
                    cache.close();
                    loaded.weights().close();
                });
            }
        }
    }

    @Test
    void aSequenceThatReachesTheLimitEndsAsAtItsLength() throws Exception {
        long handles = LiveHandles.count();
        GenerationResult result = generate(PROMPT + 20);
        assertThat(result.end()).isEqualTo(GenerationResult.End.LENGTH);
        assertThat(result.generated()).as("the last one is not fed").hasSize(21);
        assertThat(generate(PROMPT + 200).generated()).hasSize(100);
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** As if attention stored 100 bytes for each pair of tokens. */
    @Test
    void chunksGetShorterWhereScoresWouldTakeTooMuch() throws Exception {
        Path model = RandomModel.write(folder.resolve("model"), "x", List.of(), 1);
        try (MlxThread thread = MlxThread.start("room");
                Tokenizer tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"))) {
            ModelLoader.Loaded loaded = thread.call(() -> ModelLoader.load(model, DType.FLOAT32));
            TrieCache cache = new TrieCache(CacheLimits.ofBytes(64 << 20), System::nanoTime);
            List<Integer> chunks = new ArrayList<>();
            LanguageModel spied = new LanguageModel() {
                @Override
                public MlxArray forward(MlxArray tokens, Spans spans) {
                    chunks.add(spans.tokens());
                    return loaded.model().forward(tokens, spans);
                }

                @Override
                public MlxArray logits(MlxArray hidden) {
                    return loaded.model().logits(hidden);
                }

                @Override
                public List<LayerCache> newLayers() {
                    return loaded.model().newLayers();
                }

                @Override
                public int vocabularySize() {
                    return loaded.model().vocabularySize();
                }
            };
            try (Engine engine =
                    new Engine(thread, spied, tokenizer, cache, CacheKey.of("room", ""), Set.of(), 4096, 100)) {
                engine.bound(new PrefillChunks(100, 100, 1_000_000), () -> {});
                int[] prompt = TokenIds.random(new Random(1), 401);
                GenerationRequest long400 =
                        new GenerationRequest(prompt, List.of(), null, Isolation.SHARED, Sampling.GREEDY, 1, List.of());
                engine.submit(long400, piece -> {}).result().get();
                assertThat(chunks).containsExactly(100, 50, 50, 25, 25, 25, 25, 25, 25, 25, 25, 1);
            } finally {
                thread.run(() -> {
                    cache.close();
                    loaded.weights().close();
                });
            }
        }
    }

    @Test
    void aPromptThatNeverFitsIsRefusedWithTheCure() {
        long handles = LiveHandles.count();
        assertThatThrownBy(() -> generate(PROMPT / 2))
                .hasCauseInstanceOf(InvalidRequestException.class)
                .hasMessageContainingAll("40 tokens", "cacheLimits");
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** The first request shows what a token takes. */
    @Test
    void aPromptThatNeverFitsIsRefusedWhileAnotherRuns() throws Exception {
        long handles = LiveHandles.count();
        Path model = RandomModel.write(folder.resolve("model"), "x", List.of(), 1);
        try (MlxThread thread = MlxThread.start("room");
                Tokenizer tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"))) {
            ModelLoader.Loaded loaded = thread.call(() -> ModelLoader.load(model, DType.FLOAT32));
            TrieCache cache = new TrieCache(CacheLimits.ofBytes(256 << 10), System::nanoTime);
            try (Engine engine = new Engine(
                    thread, loaded.model(), tokenizer, cache, CacheKey.of("room", ""), Set.of(), 1 << 16, 16)) {
                Engine.Handle running = engine.submit(request(100), piece -> {});
                int[] prompt = TokenIds.random(new Random(1), 60_000);
                GenerationRequest tooLong =
                        new GenerationRequest(prompt, List.of(), null, Isolation.SHARED, Sampling.GREEDY, 1, List.of());
                assertThatThrownBy(() ->
                                engine.submit(tooLong, piece -> {}).result().get())
                        .hasCauseInstanceOf(InvalidRequestException.class)
                        .hasMessageContainingAll("60000 tokens", "cacheLimits");
                assertThat(running.result().get().generated()).hasSize(100);
                assertThat(engine.stats().failed()).isEqualTo(1);
            } finally {
                thread.run(() -> {
                    cache.close();
                    loaded.weights().close();
                });
            }
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @Test
    void withoutALimitOfItsOwnAnAnswerHasAStatedOne() {
        assertThat(request(null).outputLimit(1 << 20)).isEqualTo(GenerationRequest.OUTPUT_TOKENS);
        assertThat(request(null).outputLimit(100)).isEqualTo(100);
        assertThat(request(1 << 18).outputLimit(1 << 20)).isEqualTo(1 << 18);
    }
}
