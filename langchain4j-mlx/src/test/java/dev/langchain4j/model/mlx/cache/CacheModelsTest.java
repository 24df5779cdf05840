package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelLoader;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random conversations over each architecture that has a tiny model: with the cache, the tokens are those without. */
class CacheModelsTest {
    private static final int CHUNK = 16;
    private static final int ANSWER = 4;
    private static final int VOCABULARY = 150;

    static Stream<Path> models() throws IOException {
        return Files.list(Goldens.folder("models"))
                .filter(folder -> Files.exists(folder.resolve("config.json")))
                .sorted();
    }

    @ParameterizedTest
    @MethodSource("models")
    void reusingGivesTheTokensOfComputing(Path folder) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("cache")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded = ModelLoader.load(folder, DType.FLOAT32);
                try {
                    converse(loaded.model(), thread, Long.MAX_VALUE / 4);
                    converse(loaded.model(), thread, 1_500_000);
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static void converse(LanguageModel model, MlxThread thread, long bytesMax) {
        Random random = new Random(bytesMax % 1000);
        CacheLimits limits = new CacheLimits(bytesMax, Integer.MAX_VALUE, Duration.ofHours(1), 32);
        try (PromptCache cache = new PromptCache(limits, thread, System::nanoTime)) {
            int[] system = random.ints(40, 0, VOCABULARY).toArray();
            int[][] conversations = new int[3][];
            Arrays.setAll(
                    conversations,
                    i -> concat(system, random.ints(20, 0, VOCABULARY).toArray()));
            for (int request = 0; request < 12; request++) {
                int c = random.nextInt(3);
                int[] prompt = conversations[c];
                int[] expected = cold(model, prompt);
                assertThat(warm(model, cache, prompt, "c" + c))
                        .as("request %d", request)
                        .isEqualTo(expected);
                int keep = random.nextInt(4) == 0 ? 40 + random.nextInt(prompt.length - 40) : prompt.length;
                int[] start = keep < prompt.length ? Arrays.copyOf(prompt, keep) : concat(prompt, expected);
                conversations[c] = concat(
                        start,
                        random.ints(1 + random.nextInt(30), 0, VOCABULARY).toArray());
            }
            assertThat(cache.stats().cachedTokens()).isPositive();
        }
    }

    private static int[] warm(LanguageModel model, PromptCache cache, int[] prompt, Object conversation) {
        CacheRequest request = new CacheRequest(
                CacheHarness.KEY,
                prompt,
                List.of(new Boundary(40, Tier.SYSTEM)),
                conversation,
                Isolation.SHARED,
                model::newLayers);
        try (CacheSession session = cache.begin(request)) {
            int position = session.resumePosition();
            while (position < prompt.length - 1) {
                int line = Math.min((position / CHUNK + 1) * CHUNK, prompt.length - 1);
                int end = Math.min(line, session.nextCheckpoint(position));
                feed(model, session.layers(), Arrays.copyOfRange(prompt, position, end));
                session.checkpoint();
                position = end;
            }
            int[] answer = new int[ANSWER];
            int token = prompt[prompt.length - 1];
            for (int i = 0; i < ANSWER; i++) {
                if (i > 0) {
                    session.append(token);
                }
                token = feed(model, session.layers(), new int[] {token});
                if (i == 0) {
                    session.checkpoint();
                }
                answer[i] = token;
            }
            session.close(Outcome.FINISHED);
            return answer;
        }
    }

    private static int[] cold(LanguageModel model, int[] prompt) {
        List<LayerCache> layers = model.newLayers();
        try {
            for (int position = 0; position < prompt.length - 1; position += CHUNK) {
                int end = Math.min(position + CHUNK, prompt.length - 1);
                feed(model, layers, Arrays.copyOfRange(prompt, position, end));
            }
            int[] answer = new int[ANSWER];
            int token = prompt[prompt.length - 1];
            for (int i = 0; i < ANSWER; i++) {
                token = feed(model, layers, new int[] {token});
                answer[i] = token;
            }
            return answer;
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    /** Feeds tokens, computes all, and gives the most likely next token. */
    private static int feed(LanguageModel model, List<LayerCache> layers, int[] tokens) {
        MlxArray logits;
        try (Scope scope = Scope.open()) {
            logits = model.logits(model.forward(MlxArray.of(tokens, 1, tokens.length), layers))
                    .detach();
        }
        try (logits) {
            Eval.eval(layers.stream()
                    .flatMap(layer -> Arrays.stream(layer.buffers()))
                    .toArray(MlxArray[]::new));
            float[] all = logits.toFloats();
            int width = all.length / tokens.length;
            int best = all.length - width;
            for (int i = best; i < all.length; i++) {
                best = all[i] > all[best] ? i : best;
            }
            return best - (all.length - width);
        }
    }
}
