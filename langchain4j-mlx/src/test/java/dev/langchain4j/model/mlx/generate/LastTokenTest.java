package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The last token of a prompt is fed with a short last chunk, and by itself wherever a chunk has to end before it. */
class LastTokenTest {
    private static final int CHUNK = 64;
    private static final int ANSWER = 4;

    private final List<List<Integer>> passes = new ArrayList<>();
    private long handles;
    private MlxThread thread;
    private Tokenizer tokenizer;
    private ModelLoader.Loaded loaded;
    private TrieCache cache;

    @BeforeEach
    void open() {
        handles = LiveHandles.count();
        thread = MlxThread.start("last token");
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
    }

    @AfterEach
    void close() {
        thread.run(() -> {
            cache.close();
            loaded.weights().close();
        });
        thread.close();
        tokenizer.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private Engine engine(Path folder, int gridTokens, boolean exactBatching) {
        return engine(folder, gridTokens, exactBatching, Set.of());
    }

    private Engine engine(Path folder, int gridTokens, boolean exactBatching, Set<Integer> endTokens) {
        loaded = thread.call(() -> ModelLoader.load(folder, DType.FLOAT32));
        cache = new TrieCache(CacheLimits.ofBytes(64 << 20), System::nanoTime, gridTokens);
        EngineLimits limits = new EngineLimits(4, 4, null, Duration.ofSeconds(10), exactBatching);
        return new Engine(
                thread,
                new Recording(loaded.model()),
                tokenizer,
                cache,
                CacheKey.of("m", ""),
                endTokens,
                4096,
                CHUNK,
                limits);
    }

    private static Path llama() {
        return Goldens.folder("models").resolve("llama");
    }

    /** How many tokens of each prompt a pass has. */
    private final class Recording implements LanguageModel {
        private final LanguageModel model;

        private Recording(LanguageModel model) {
            this.model = model;
        }

        @Override
        public MlxArray forward(MlxArray tokens, Spans spans) {
            passes.add(IntStream.range(0, spans.count()).mapToObj(spans::length).toList());
            return model.forward(tokens, spans);
        }

        @Override
        public MlxArray logits(MlxArray hidden) {
            return model.logits(hidden);
        }

        @Override
        public List<LayerCache> newLayers() {
            return model.newLayers();
        }

        @Override
        public int vocabularySize() {
            return model.vocabularySize();
        }
    }

    private static int[] prompt(int tokens) {
        return new Random(7).ints(tokens, 1, 96).toArray();
    }

    private static GenerationRequest request(int[] prompt) {
        return request(prompt, null, Isolation.SHARED);
    }

    private static GenerationRequest request(int[] prompt, Object conversation, Isolation isolation) {
        return new GenerationRequest(prompt, List.of(), conversation, isolation, Sampling.GREEDY, ANSWER, List.of());
    }

    private GenerationResult generate(Engine engine, int[] prompt) throws Exception {
        return generate(engine, request(prompt));
    }

    private GenerationResult generate(Engine engine, GenerationRequest request) throws Exception {
        passes.clear();
        return engine.submit(request, piece -> {}).result().get();
    }

    /** Of a single request. */
    private List<Integer> lengths() {
        return passes.stream().map(List::getFirst).toList();
    }

    @Test
    void aShortPromptIsOnePass() throws Exception {
        try (Engine engine = engine(llama(), 0, false)) {
            GenerationResult cold = generate(engine, prompt(10));
            assertThat(lengths()).isEqualTo(List.of(10, 1, 1, 1));
            assertThat(cold.rows()).isEqualTo(new GenerationResult.Rows(1, 1));
            GenerationResult again = generate(engine, prompt(10));
            assertThat(lengths()).isEqualTo(List.of(1, 1, 1, 1));
            assertThat(again.plan().reason()).isEqualTo(Reason.WHOLE_PROMPT);
            assertThat(again.plan().resumePosition()).isEqualTo(9);
            assertThat(again.generated()).isEqualTo(cold.generated());
        }
    }

    @Test
    void whatIsNewBehindACachedPromptIsOnePass() throws Exception {
        try (Engine engine = engine(llama(), 0, false)) {
            generate(engine, prompt(100));
            GenerationResult warm = generate(engine, prompt(110));
            assertThat(warm.plan().resumePosition()).isEqualTo(100);
            assertThat(lengths()).isEqualTo(List.of(10, 1, 1, 1));
        }
    }

    @Test
    void promptsThatAreFedTogetherDrawTogether() throws Exception {
        try (Engine engine = engine(llama(), 0, false)) {
            int[] other = prompt(13);
            other[0]++;
            List<int[]> prompts = List.of(prompt(10), other);
            List<int[]> alone = new ArrayList<>();
            for (int[] prompt : prompts) {
                GenerationRequest unshared = request(prompt, "c" + alone.size(), Isolation.PER_MEMORY_ID);
                alone.add(generate(engine, unshared).generated());
            }
            passes.clear();
            List<Engine.Handle> together = thread.call(() -> prompts.stream()
                    .map(prompt -> engine.submit(request(prompt), piece -> {}))
                    .toList());
            for (int i = 0; i < together.size(); i++) {
                GenerationResult result = together.get(i).result().get();
                assertThat(result.generated()).isEqualTo(alone.get(i));
                assertThat(result.rows()).isEqualTo(new GenerationResult.Rows(2, 2));
            }
            assertThat(passes).isEqualTo(List.of(List.of(10, 13), List.of(1, 1), List.of(1, 1), List.of(1, 1)));
        }
    }

    @Test
    void aLongLastChunkIsShorterThanThePrompt() throws Exception {
        try (Engine engine = engine(llama(), 0, false)) {
            generate(engine, prompt(CHUNK));
            assertThat(lengths())
                    .as("what only the last token needs would be computed for all tokens of the chunk")
                    .isEqualTo(List.of(CHUNK - 1, 1, 1, 1, 1));
        }
    }

    @Test
    void theFirstTokenIsPassedOnBeforeTheSecondIsComputed() throws Exception {
        try (Engine engine = engine(llama(), 0, false)) {
            assertThat(passesBeforeFirstToken(engine, prompt(10))).isEqualTo(1);
            assertThat(passesBeforeFirstToken(engine, prompt(CHUNK))).isEqualTo(2);
        }
    }

    private int passesBeforeFirstToken(Engine engine, int[] prompt) throws Exception {
        passes.clear();
        AtomicInteger before = new AtomicInteger();
        GenerationListener listener = new GenerationListener() {
            @Override
            public void onPrefill(int done, int all) {
                if (done == all) {
                    before.set(passes.size());
                }
            }

            @Override
            public void onText(String piece) {}
        };
        engine.submit(request(prompt), listener).result().get();
        return before.get();
    }

    @Test
    void aListenerThatThrowsAtTheFirstTokenFailsItsRequestOnly() throws Exception {
        try (Engine engine = engine(llama(), 0, false)) {
            GenerationListener throwing = new GenerationListener() {
                @Override
                public void onPrefill(int done, int all) {
                    if (done == all) {
                        throw new IllegalStateException("mine");
                    }
                }

                @Override
                public void onText(String piece) {}
            };
            for (int tokens : new int[] {10, CHUNK}) {
                assertThatThrownBy(() -> engine.submit(request(prompt(tokens)), throwing)
                                .result()
                                .get())
                        .hasRootCauseMessage("mine");
                assertThat(generate(engine, prompt(tokens)).generated()).hasSize(ANSWER);
            }
        }
    }

    @Test
    void aFirstTokenThatEndsTheAnswerIsNotFed() throws Exception {
        try (Engine engine = engine(llama(), 0, false)) {
            int first = generate(engine, prompt(10)).generated()[0];
            engine.close();
            thread.run(() -> {
                cache.close();
                loaded.weights().close();
            });
            try (Engine ending = engine(llama(), 0, false, Set.of(first))) {
                GenerationResult result = generate(ending, prompt(10));
                assertThat(result.generated()).containsExactly(first);
                assertThat(result.end()).isEqualTo(GenerationResult.End.STOP);
                assertThat(lengths()).isEqualTo(List.of(10));
            }
        }
    }

    @Test
    void aStateIsKeptBeforeTheLastToken() throws Exception {
        try (Engine engine = engine(Goldens.folder("models").resolve("lfm2"), 0, false)) {
            generate(engine, prompt(10));
            assertThat(lengths()).isEqualTo(List.of(9, 1, 1, 1, 1));
            assertThat(generate(engine, prompt(10)).plan().resumePosition()).isEqualTo(9);
        }
    }

    @Test
    void equalPromptsShareAllButTheirLastToken() throws Exception {
        try (Engine engine = engine(llama(), 0, false)) {
            // so that the cache knows what a sequence takes
            generate(engine, request(prompt(10), "other", Isolation.PER_MEMORY_ID));
            passes.clear();
            List<Engine.Handle> together = thread.call(() -> IntStream.range(0, 2)
                    .mapToObj(i -> engine.submit(request(prompt(81)), piece -> {}))
                    .toList());
            for (Engine.Handle one : together) {
                one.result().get();
            }
            assertThat(passes)
                    .as("the second one waits for what the first one computes")
                    .isEqualTo(List.of(
                            List.of(64), List.of(16), List.of(1, 1), List.of(1, 1), List.of(1, 1), List.of(1, 1)));
        }
    }

    @Test
    void whereBitsMustBeThoseOfAPassOfOne() throws Exception {
        try (Engine engine = engine(llama(), 0, true)) {
            generate(engine, prompt(10));
            assertThat(lengths()).as("exactBatching").isEqualTo(List.of(9, 1, 1, 1, 1));
        }
        thread.run(() -> {
            cache.close();
            loaded.weights().close();
        });
        try (Engine engine = engine(llama(), 8, false)) {
            generate(engine, prompt(12));
            assertThat(lengths()).as("exactReuse").isEqualTo(List.of(11, 1, 1, 1, 1));
        }
    }
}
