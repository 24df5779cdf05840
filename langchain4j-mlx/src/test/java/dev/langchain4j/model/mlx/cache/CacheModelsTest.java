package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random conversations over each architecture that has a tiny model: with the cache, the tokens are those without. */
class CacheModelsTest {
    private static final int CHUNK = 16;
    private static final int ANSWER = 4;
    private static final int VOCABULARY = 150;

    /** Answers that were computed with the cache and without it, and those of them whose logits had other bits. */
    private static int answers;

    private static int otherBits;
    private static float furthest;

    @AfterAll
    static void saysHowFarApartLogitsWere() {
        System.out.printf(
                "warm and cold, whole chunks not asked for: %d answers, the same tokens in all, other bits in %d of them, "
                        + "logits apart by %.1e at most%n",
                answers, otherBits, furthest);
    }

    private static void compare(float[][] reused, float[][] computed) {
        answers++;
        boolean same = Arrays.deepEquals(reused, computed);
        otherBits += same ? 0 : 1;
        for (int i = 0; i < reused.length && !same; i++) {
            for (int j = 0; j < reused[i].length; j++) {
                furthest = Math.max(furthest, Math.abs(reused[i][j] - computed[i][j]));
            }
        }
    }

    static Stream<Path> models() throws IOException {
        return Goldens.modelsByLayers().stream().map(Goldens.folder("models")::resolve);
    }

    @ParameterizedTest
    @MethodSource("models")
    void reusingGivesTheTokensOfComputing(Path folder) {
        check(folder, KvFormat.PLAIN);
    }

    static Stream<Path> wideHybrids() throws IOException {
        return Goldens.wideHybrids().stream().map(Goldens.own("kv-formats")::resolve);
    }

    @ParameterizedTest
    @MethodSource("wideHybrids")
    void soItDoesWithQuantizedLayersBesideOthers(Path folder) {
        check(folder, new KvFormat(8, 32, 0, 0));
    }

    private static void check(Path folder, KvFormat format) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("cache")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded =
                        ModelLoader.load(folder, DType.FLOAT32).with(format);
                try {
                    converse(loaded.model(), thread, Long.MAX_VALUE / 4, 0);
                    converse(loaded.model(), thread, 1_500_000, 0);
                    converse(loaded.model(), thread, 1_500_000, CHUNK);
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** With a grid, logits are compared bit for bit; without, the tokens. */
    private static void converse(LanguageModel model, MlxThread thread, long bytesMax, int gridTokens) {
        Random random = new Random(bytesMax % 1000 + gridTokens);
        CacheLimits limits = new CacheLimits(bytesMax, Integer.MAX_VALUE, Duration.ofHours(1), 32);
        try (TrieCache cache = new TrieCache(limits, System::nanoTime, gridTokens)) {
            int[] system = random.ints(40, 0, VOCABULARY).toArray();
            int[][] conversations = new int[3][];
            Arrays.setAll(
                    conversations,
                    i -> concat(system, random.ints(20, 0, VOCABULARY).toArray()));
            for (int request = 0; request < 12; request++) {
                int c = random.nextInt(3);
                int[] prompt = conversations[c];
                float[][] computed = cold(model, prompt);
                float[][] reused = warm(model, cache, prompt, "c" + c);
                int[] expected = likeliest(computed);
                assertThat(likeliest(reused)).as("request %d", request).isEqualTo(expected);
                if (gridTokens == 0) {
                    compare(reused, computed);
                } else {
                    assertThat(reused).as("logits of request %d", request).isDeepEqualTo(computed);
                }
                int keep = random.nextInt(4) == 0 ? 40 + random.nextInt(prompt.length - 40) : prompt.length;
                int[] start = keep < prompt.length ? Arrays.copyOf(prompt, keep) : concat(prompt, expected);
                conversations[c] = concat(
                        start,
                        random.ints(1 + random.nextInt(30), 0, VOCABULARY).toArray());
            }
            assertThat(cache.stats().cachedTokens()).isPositive();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void whatWasComputedAheadGivesTheTokensOfComputing(Path folder) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("cache")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded = ModelLoader.load(folder, DType.FLOAT32);
                try {
                    rewritten(loaded.model(), 0);
                    rewritten(loaded.model(), CHUNK);
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /**
     * A conversation whose answers are rewritten each time; what the next prompt begins with is computed before, or
     * half of it.
     */
    private static void rewritten(LanguageModel model, int gridTokens) {
        Random random = new Random(7);
        CacheLimits limits = new CacheLimits(Long.MAX_VALUE / 4, Integer.MAX_VALUE, Duration.ofHours(1), 32);
        try (TrieCache cache = new TrieCache(limits, System::nanoTime, gridTokens)) {
            int[] prompt = random.ints(60, 0, VOCABULARY).toArray();
            for (int turn = 0; turn < 5; turn++) {
                float[][] computed = cold(model, prompt);
                float[][] reused = warm(model, cache, prompt, "a");
                assertThat(likeliest(reused)).as("turn %d", turn).isEqualTo(likeliest(computed));
                if (gridTokens > 0) {
                    assertThat(reused).as("logits of turn %d", turn).isDeepEqualTo(computed);
                }
                int[] next = concat(prompt, random.ints(40, 0, VOCABULARY).toArray());
                int end = gridTokens == 0 ? next.length - 1 : (next.length - 1) / gridTokens * gridTokens;
                CacheRequest beginning = new CacheRequest(
                        CacheHarness.KEY,
                        Arrays.copyOf(next, end + 1),
                        List.of(new Boundary(40, Tier.SYSTEM)),
                        "a",
                        Isolation.SHARED,
                        model::newLayers);
                CacheSession session = cache.beginAhead(beginning, 8);
                prefill(model, session, next, turn == 3 ? (session.resumePosition() + end) / 2 : end);
                session.close(Outcome.CANCELLED);
                prompt = concat(
                        next, random.ints(1 + random.nextInt(30), 0, VOCABULARY).toArray());
            }
            assertThat(cache.aheadStats().finished()).isEqualTo(4);
            assertThat(cache.aheadStats().reusedTokens()).isPositive();
        }
    }

    private static void prefill(LanguageModel model, CacheSession session, int[] prompt, int to) {
        int position = session.resumePosition();
        while (position < to) {
            int line = Math.min((position / CHUNK + 1) * CHUNK, to);
            int end = Math.min(line, session.nextCheckpoint(position));
            feed(model, session.layers(), Arrays.copyOfRange(prompt, position, end));
            session.checkpoint();
            position = end;
        }
    }

    static float[][] warm(LanguageModel model, TrieCache cache, int[] prompt, Object conversation) {
        CacheRequest request = new CacheRequest(
                CacheHarness.KEY,
                prompt,
                List.of(new Boundary(40, Tier.SYSTEM)),
                conversation,
                Isolation.SHARED,
                model::newLayers);
        try (CacheSession session = cache.begin(request)) {
            while (session.isRestoring() && session.hasRoom(session.nextRestored())) {
                session.restore();
            }
            prefill(model, session, prompt, prompt.length - 1);
            float[][] answer = new float[ANSWER][];
            int token = prompt[prompt.length - 1];
            for (int i = 0; i < ANSWER; i++) {
                if (i > 0) {
                    session.append(token);
                }
                answer[i] = feed(model, session.layers(), new int[] {token});
                token = likeliest(answer[i]);
                if (i == 0) {
                    session.checkpoint();
                }
            }
            session.close(Outcome.FINISHED);
            return answer;
        }
    }

    static float[][] cold(LanguageModel model, int[] prompt) {
        List<LayerCache> layers = model.newLayers();
        try {
            for (int position = 0; position < prompt.length - 1; position += CHUNK) {
                int end = Math.min(position + CHUNK, prompt.length - 1);
                feed(model, layers, Arrays.copyOfRange(prompt, position, end));
            }
            float[][] answer = new float[ANSWER][];
            int token = prompt[prompt.length - 1];
            for (int i = 0; i < ANSWER; i++) {
                answer[i] = feed(model, layers, new int[] {token});
                token = likeliest(answer[i]);
            }
            return answer;
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    /** Feeds tokens, computes all, and gives the logits of the next one. */
    private static float[] feed(LanguageModel model, List<LayerCache> layers, int[] tokens) {
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
            return Arrays.copyOfRange(all, all.length - all.length / tokens.length, all.length);
        }
    }

    private static int likeliest(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    static int[] likeliest(float[][] logits) {
        return Arrays.stream(logits).mapToInt(CacheModelsTest::likeliest).toArray();
    }
}
