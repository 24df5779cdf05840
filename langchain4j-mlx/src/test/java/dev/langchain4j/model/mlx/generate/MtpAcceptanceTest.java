package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.draft.DraftPolicy;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Seeds;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Heads that were trained (scripts/make_mtp_goldens.py) to go on with what repeats. They cannot tell what comes next by
 * the tokens alone: with the hidden states of the model nearly all drafts are right, without them, or with those of
 * other positions, few are. A second turn of each conversation goes on behind what the prompt cache holds.
 */
class MtpAcceptanceTest {
    private static final int CONVERSATIONS = 24;
    private static final int ANSWER_TOKENS = 7;
    private static final CacheKey KEY = CacheKey.of("mtp", "float32");

    private static final class Depth extends DraftPolicy {
        private final int depth;

        Depth(int depth) {
            this.depth = depth;
        }

        @Override
        public int depth(DraftKind kind, int grade, int tokensMax, boolean constrained, int position) {
            return Math.min(depth, tokensMax);
        }
    }

    /** A head whose hidden states are lost on the way. */
    private record WithoutHidden(DraftModel head) implements DraftModel {
        @Override
        public MlxArray forward(MlxArray tokens, MlxArray before, Spans spans) {
            return head.forward(tokens, Indexing.zerosLike(before), spans);
        }

        @Override
        public MlxArray logits(MlxArray hidden) {
            return head.logits(hidden);
        }

        @Override
        public List<LayerCache> newLayers() {
            return head.newLayers();
        }

        @Override
        public int vocabularySize() {
            return head.vocabularySize();
        }

        @Override
        public int hiddenSize() {
            return head.hiddenSize();
        }

        @Override
        public DType type() {
            return head.type();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"glm4_moe-trained", "qwen3_5-trained"})
    void nearlyAllDraftsAreRight(String name) throws Exception {
        long handles = LiveHandles.count();
        Path folder = Goldens.own("mtp").resolve(name);
        try (MlxThread thread = MlxThread.start("mtp", Device.CPU);
                Tokenizer tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"))) {
            ModelLoader.Loaded loaded = thread.call(
                    () -> ModelLoader.load(folder, ModelFolder.config(folder), DType.FLOAT32, false, null, true));
            try {
                DraftModel head = loaded.model().draftHead();
                double one = share(thread, loaded, head, tokenizer, 1);
                double three = share(thread, loaded, head, tokenizer, 3);
                double blind = share(thread, loaded, new WithoutHidden(head), tokenizer, 1);
                System.out.printf(
                        "%s: right drafts %.3f, of three at once %.3f, without hidden states %.3f%n",
                        name, one, three, blind);
                assertThat(one).isGreaterThan(0.9);
                assertThat(three).isGreaterThan(blind);
                assertThat(blind).isLessThan(0.4);
            } finally {
                thread.run(() -> loaded.weights().close());
            }
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** The share of drafted tokens that are right, of drafts of so many. Answers are those without drafts. */
    private static double share(
            MlxThread thread, ModelLoader.Loaded loaded, DraftModel head, Tokenizer tokenizer, int depth)
            throws Exception {
        Random random = new Random(Seeds.seed(MtpAcceptanceTest.class));
        TrieCache cache = new TrieCache(CacheLimits.ofBytes(64 << 20), System::nanoTime);
        TrieCache other = new TrieCache(CacheLimits.ofBytes(64 << 20), System::nanoTime);
        DraftCounts counts = new DraftCounts(0, 0);
        try (Engine drafting = engine(thread, loaded, head, tokenizer, cache);
                Engine plain = engine(thread, loaded, null, tokenizer, other)) {
            drafting.drafters().replace(new Depth(depth), generation -> List.of());
            plain.drafters().replace(null, null);
            for (int i = 0; i < CONVERSATIONS; i++) {
                int[] pattern = random.ints(5 + random.nextInt(5), 4, 48).toArray();
                int[] prompt = TokenIds.concat(pattern, pattern);
                for (int turn = 0; turn < 2; turn++) {
                    GenerationResult got = ask(drafting, prompt);
                    assertThat(got.generated()).isEqualTo(ask(plain, prompt).generated());
                    assertThat(got.cachedTokens()).isGreaterThanOrEqualTo(turn * ANSWER_TOKENS);
                    counts = counts.plus(got.drafts().get(DraftKind.MTP));
                    int[] all = TokenIds.concat(prompt, got.generated());
                    int[] next = new int[3];
                    for (int k = 0; k < next.length; k++) {
                        next[k] = pattern[(all.length + k) % pattern.length];
                    }
                    prompt = TokenIds.concat(all, next);
                }
            }
        } finally {
            thread.run(() -> {
                cache.close();
                other.close();
            });
        }
        return (double) counts.accepted() / counts.drafted();
    }

    private static GenerationResult ask(Engine engine, int[] prompt) throws Exception {
        GenerationRequest request = new GenerationRequest(
                prompt, List.of(), null, Isolation.SHARED, Sampling.GREEDY, ANSWER_TOKENS, List.of());
        return engine.submit(request, piece -> {}).result().get();
    }

    private static Engine engine(
            MlxThread thread, ModelLoader.Loaded loaded, DraftModel head, Tokenizer tokenizer, TrieCache cache) {
        return new Engine(
                thread, loaded.model(), head, tokenizer, cache, KEY, Set.of(1), 512, 16, EngineLimits.DEFAULT);
    }
}
