package dev.langchain4j.model.mlx;

import static dev.langchain4j.model.mlx.testing.Feed.feed;
import static dev.langchain4j.model.mlx.testing.Feed.gap;
import static dev.langchain4j.model.mlx.testing.TokenIds.concat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.CacheRequest;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.ReusePlan;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What the engine and the prompt cache rely on, for each architecture of the registry: however a sequence came about,
 * the next logits are the same. An architecture is covered once it has a golden folder, which the registry demands.
 */
class ArchitectureContractTest {
    private static final int VOCABULARY = 40;
    /** Of architectures that are known with a vision tower only: their text part is meant here. */
    private static final String TOWERS = "towers/";

    private static final int SYSTEM_TOKENS = 12;
    private static final int[] TOKENS = new Random(11).ints(40, 0, VOCABULARY).toArray();

    /** Golden folders, and those of {@link #TOWERS}. */
    static List<String> folders() throws IOException {
        List<String> all = new ArrayList<>(Goldens.models());
        for (String tower : List.of("idefics3", "llava", "qwen2_5_vl")) {
            all.add(TOWERS + tower);
        }
        return all;
    }

    private static Path folder(String name) {
        return name.startsWith(TOWERS)
                ? Goldens.own("towers").resolve(name.substring(TOWERS.length()))
                : Goldens.folder("models").resolve(name);
    }

    @Test
    void everyArchitectureHasAGoldenFolder() throws IOException {
        Set<String> missing = new TreeSet<>(ModelRegistry.modelTypes());
        List<Path> all = new ArrayList<>();
        try (Stream<Path> own = Files.list(Goldens.own("models"))) {
            own.forEach(all::add);
        }
        folders().stream().filter(name -> name.startsWith(TOWERS)).forEach(name -> all.add(folder(name)));
        for (Path folder : all) {
            missing.remove(ModelRegistry.canonical(ModelFolder.config(folder).modelType()));
        }
        missing.removeIf(type -> !ModelRegistry.canonical(type).equals(type));
        assertThat(missing).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("folders")
    void decodingOneByOneIsLikeOnePass(String name) {
        withModel(name, model -> {
            List<LayerCache> layers = model.newLayers();
            try {
                for (int i = 0; i < 20; i++) {
                    float[] cached = feed(model, layers, TOKENS[i]);
                    if (i % 6 == 1) {
                        assertSame(name, cached, fromScratch(model, Arrays.copyOf(TOKENS, i + 1)), "position " + i);
                    }
                }
            } finally {
                layers.forEach(LayerCache::close);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("folders")
    void anyChunksAreLikeOnePass(String name) {
        long seed = Seeds.seed(ArchitectureContractTest.class);
        withModel(name, model -> {
            Random random = new Random(seed);
            float[] whole = fromScratch(model, TOKENS);
            for (int run = 0; run < 3; run++) {
                List<Integer> chunks = new ArrayList<>();
                List<LayerCache> layers = model.newLayers();
                try {
                    float[] last = null;
                    for (int start = 0; start < TOKENS.length; ) {
                        int end = Math.min(TOKENS.length, start + 1 + random.nextInt(12));
                        last = feed(model, layers, Arrays.copyOfRange(TOKENS, start, end));
                        chunks.add(end - start);
                        start = end;
                    }
                    assertSame(name, last, whole, "chunks " + chunks + ", seed " + seed);
                } finally {
                    layers.forEach(LayerCache::close);
                }
            }
        });
    }

    @ParameterizedTest
    @MethodSource("folders")
    void resumingFromWhatWasKeptIsLikeComputingAgain(String name) {
        withModel(name, model -> {
            float[] whole = fromScratch(model, TOKENS);
            for (int kept : new int[] {1, 6, 8, 17, 33}) {
                assertSame(name, resumed(model, kept), whole, "kept at " + kept);
            }
        });
    }

    /** Rounds of a tool loop, another conversation with the same system message, and a retry. */
    @ParameterizedTest
    @MethodSource("folders")
    void aToolLoopComputesItsNewTokensOnly(String name) {
        withModel(name, model -> {
            try (TrieCache cache = new TrieCache(CacheLimits.ofBytes(1L << 28), System::nanoTime)) {
                Random random = new Random(3);
                int[] prompt = tokens(random, SYSTEM_TOKENS + 20);
                int held = 0;
                for (int round = 0; round < 4; round++) {
                    Turn turn = turn(name, model, cache, prompt, "ann");
                    assertThat(turn.plan.resumePosition()).isEqualTo(held);
                    assertThat(turn.plan.reason()).isEqualTo(round == 0 ? Reason.NEW : Reason.CONTINUED);
                    held = prompt.length + turn.generated.length;
                    prompt = concat(prompt, turn.generated, tokens(random, 7));
                }
                if (isSliceable(model)) {
                    assertThat(cache.stats().bytesCopied())
                            .as("a conversation gets its own buffers back; only states are copied")
                            .isZero();
                }

                int[] other = concat(Arrays.copyOf(prompt, SYSTEM_TOKENS), tokens(random, 9));
                other[SYSTEM_TOKENS] = (prompt[SYSTEM_TOKENS] + 1) % VOCABULARY;
                Turn first = turn(name, model, cache, other, "bob");
                assertThat(first.plan.resumePosition()).isEqualTo(SYSTEM_TOKENS);
                assertThat(first.plan.reason()).isEqualTo(Reason.DIVERGED);

                Turn retry = turn(name, model, cache, other, "bob");
                assertThat(retry.plan.resumePosition()).isEqualTo(other.length - 1);
                assertThat(retry.plan.reason()).isEqualTo(Reason.WHOLE_PROMPT);
                assertThat(retry.generated).isEqualTo(first.generated);
            }
        });
    }

    private static boolean isSliceable(LanguageModel model) {
        List<LayerCache> layers = model.newLayers();
        layers.forEach(LayerCache::close);
        return layers.stream().allMatch(LayerCache::sliceable);
    }

    private record Turn(ReusePlan plan, int[] generated) {}

    /** A request as the engine runs it; its first logits must be those of a computation from scratch. */
    private static Turn turn(String name, LanguageModel model, TrieCache cache, int[] prompt, String conversation) {
        CacheRequest request = new CacheRequest(
                CacheKey.of(name, "float32"),
                prompt,
                List.of(new Boundary(SYSTEM_TOKENS, Tier.SYSTEM)),
                conversation,
                Isolation.SHARED,
                model::newLayers);
        try (CacheSession session = cache.begin(request)) {
            int end = prompt.length - 1;
            for (int position = session.resumePosition(); position < end; ) {
                int next = Math.min(Math.min(position + 16, end), session.nextCheckpoint(position));
                feed(model, session.layers(), Arrays.copyOfRange(prompt, position, next));
                session.checkpoint();
                position = next;
            }
            float[] logits = feed(model, session.layers(), prompt[end]);
            session.checkpoint();
            assertSame(name, logits, fromScratch(model, prompt), session.plan().toString());
            int[] generated = new int[4];
            for (int i = 0; i < generated.length; i++) {
                generated[i] = argmax(logits);
                logits = feed(model, session.layers(), generated[i]);
                session.append(generated[i]);
            }
            session.close(Outcome.TOOL_CALL);
            return new Turn(session.plan(), generated);
        }
    }

    private static void withModel(String name, Consumer<LanguageModel> test) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("contract")) {
            thread.run(() -> {
                ModelLoader.Loaded loaded = ModelLoader.load(folder(name), DType.FLOAT32);
                try {
                    test.accept(loaded.model());
                } finally {
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static void assertSame(String name, float[] got, float[] want, String how) {
        boolean rounds = name.contains("mxfp") || name.contains("nvfp");
        assertThat(gap(got, want)).as("%s, %s", name, how).isCloseTo(0, within(rounds ? 3e-2 : 1e-3));
    }

    private static float[] fromScratch(LanguageModel model, int[] tokens) {
        List<LayerCache> layers = model.newLayers();
        try {
            return feed(model, layers, tokens);
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    /** The last logits of a sequence put together from what another one kept before it went elsewhere. */
    private static float[] resumed(LanguageModel model, int kept) {
        List<LayerCache> first = model.newLayers();
        List<LayerCache> second = model.newLayers();
        List<Snapshot> snapshots = new ArrayList<>();
        try {
            feed(model, first, Arrays.copyOf(TOKENS, kept));
            for (LayerCache layer : first) {
                snapshots.add(layer.sliceable() ? layer.slice(0, kept) : layer.state());
            }
            feed(model, first, 3, 1, 4, 1, 5);
            for (int i = 0; i < second.size(); i++) {
                second.get(i).restore(snapshots.get(i));
                assertThat(second.get(i).offset()).isEqualTo(kept);
            }
            return feed(model, second, Arrays.copyOfRange(TOKENS, kept, TOKENS.length));
        } finally {
            snapshots.forEach(Snapshot::close);
            first.forEach(LayerCache::close);
            second.forEach(LayerCache::close);
        }
    }

    private static int[] tokens(Random random, int count) {
        return random.ints(count, 0, VOCABULARY).toArray();
    }

    private static int argmax(float[] row) {
        int best = 0;
        for (int i = 1; i < row.length; i++) {
            best = row[i] > row[best] ? i : best;
        }
        return best;
    }
}
