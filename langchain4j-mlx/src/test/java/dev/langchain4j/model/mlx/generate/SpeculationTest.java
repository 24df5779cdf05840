package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.GrammarCompiler;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.draft.Draft;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.draft.Drafter;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;
import dev.langchain4j.model.mlx.generate.ScheduledCase.Fate;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Seeds;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Answers with drafts are the answers without, for each architecture and random requests: settings of the sampler, stop
 * sequences, JSON; they end, are cancelled and fail in any part. The drafts are what the request alone says, with
 * errors, and for two of three requests what the model drafts for itself, as a draft model or as a head that reads
 * hidden states. {@code -Dspeculations=N} says how many requests there are for each model, {@code -Dseed=N} repeats a
 * run.
 *
 * <p>Passes of several positions have other last bits than those of one. So half of the requests run on a model that
 * computes the positions of a pass one by one: there tokens, texts and log-probabilities are equal to the last bit, and
 * so are those of a request that goes on where the first one ended, from what the prompt cache holds. With the model as
 * it is a token may differ at a near tie, as in {@link RandomSchedulesTest}.
 */
class SpeculationTest {
    private static final float NEAR_TIE = 2e-3f;
    private static final double LOGPROBS_APART_MAX = 1e-2;
    private static final int CHUNK_TOKENS = 8;
    private static final int CONTEXT = 4096;
    private static final int END_TOKEN = 1;
    private static final CacheKey KEY = CacheKey.of("speculation", "float32");
    private static final CacheLimits NOTHING = new CacheLimits(0, 0, Duration.ZERO, 1024);
    private static final int REQUESTS = Integer.getInteger("speculations", 2);

    private static Tokenizer tokenizer;
    private static long seed;
    private static int compared;
    private static int ties;
    private static final Map<DraftKind, DraftCounts> drafts = new EnumMap<>(DraftKind.class);

    @BeforeAll
    static void open() {
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        seed = Seeds.seed(SpeculationTest.class);
    }

    @AfterAll
    static void close() {
        tokenizer.close();
        System.out.printf("speculation: %d answers compared, %d with a near tie, %s%n", compared, ties, drafts);
        assertThat(ties).as("near ties").isLessThanOrEqualTo(2 + compared / 20);
        assertThat(drafts).containsOnlyKeys(DraftKind.COPIED, DraftKind.DRAFT_MODEL, DraftKind.MTP);
        assertThat(drafts.get(DraftKind.COPIED).accepted()).isGreaterThan(compared);
        drafts.values()
                .forEach(counts -> assertThat(counts.accepted()).isPositive().isLessThan(counts.drafted()));
    }

    static Stream<String> folders() throws Exception {
        return Goldens.modelsByLayers().stream();
    }

    @ParameterizedTest
    @MethodSource("folders")
    void anAnswerWithDraftsIsTheAnswerWithout(String name) throws Exception {
        long handles = LiveHandles.count();
        long bytes = MlxMemory.activeBytes();
        try (MlxThread thread = MlxThread.start("speculation", Device.CPU)) {
            ModelLoader.Loaded loaded =
                    thread.call(() -> ModelLoader.load(Goldens.folder("models").resolve(name), DType.FLOAT32));
            int size = loaded.model().vocabularySize();
            try (GrammarCompiler grammars = tokenizer.grammarCompiler(size, END_TOKEN)) {
                Random random = new Random(seed + name.hashCode());
                List<ScheduledCase> cases = ScheduledCase.some(REQUESTS, random, size, grammars);
                for (int i = 0; i < cases.size(); i++) {
                    DraftModel draftModel = OwnDrafts.some(loaded, random);
                    new Comparison(thread, loaded.model(), draftModel, i % 2 == 0, random, name, cases.get(i)).run();
                }
            } finally {
                thread.run(() -> loaded.weights().close());
            }
        }
        assertThat(LiveHandles.count()).as(name).isEqualTo(handles);
        assertThat(MlxMemory.activeBytes()).as(name).isLessThanOrEqualTo(bytes);
    }

    /** What the answer will be, with errors. */
    private static final class Oracle implements Drafter {
        private final int[] answer;
        private final Random random;
        private final int vocabulary;
        private int position;

        Oracle(int[] answer, Random random, int vocabulary) {
            this.answer = answer;
            this.random = random;
            this.vocabulary = vocabulary;
        }

        @Override
        public Draft propose(int max) {
            int end = Math.min(answer.length, position + Math.min(max, 1 + random.nextInt(7)));
            if (random.nextInt(3) == 0 || position >= end) {
                return null;
            }
            int[] tokens = Arrays.copyOfRange(answer, position, end);
            for (int i = 0; i < tokens.length; i++) {
                tokens[i] = random.nextInt(5) == 0 ? random.nextInt(vocabulary) : tokens[i];
            }
            return new Draft(DraftKind.COPIED, 0, tokens);
        }

        @Override
        public void committed(int token) {
            position++;
        }
    }

    private static final class Comparison {
        private final MlxThread thread;
        private final LanguageModel model;
        private final DraftModel draftModel;
        private final boolean exact;
        private final Random random;
        private final ScheduledCase one;
        private final String who;

        Comparison(
                MlxThread thread,
                LanguageModel model,
                DraftModel draftModel,
                boolean oneByOne,
                Random random,
                String name,
                ScheduledCase one) {
            this.thread = thread;
            this.model = oneByOne ? new OneByOneModel(model) : model;
            this.draftModel = draftModel;
            this.exact = oneByOne;
            this.random = random;
            this.one = one;
            this.who = "%s%s, %s".formatted(name, oneByOne ? ", one by one" : "", one);
        }

        void run() throws Exception {
            one.onStep = () -> {};
            one.runAlone(() -> alone(model, one.aloneRequest(), one.aloneText));
            TrieCache cache = new TrieCache(CacheLimits.ofBytes(64 << 20), System::nanoTime);
            try (Engine engine = engine(model, draftModel, cache)) {
                int[] answer = one.alone.generated();
                engine.drafters()
                        .replace(
                                new AllDrafts(),
                                generation -> List.of(new Oracle(answer, random, model.vocabularySize())));
                thread.run(() -> {
                    one.handle = engine.submit(one.request(), one);
                    if (one.fate == Fate.CANCELLED_AT_ONCE) {
                        one.handle.cancel();
                    }
                });
                one.result = one.handle.result().handle(this::ended).get();
                assertThat(thread.call(() -> cache.stats().bytesRunning()))
                        .as(who)
                        .isZero();
                if (one.result != null) {
                    check();
                    if (exact) {
                        checkWhatTheCacheHolds(engine);
                    }
                }
            } finally {
                thread.run(cache::close);
            }
            assertThat(cache.stats().bytesHeld()).as(who).isZero();
        }

        private GenerationResult ended(GenerationResult result, Throwable failure) {
            if (failure != null && !one.fate.cancels()) {
                assertThat(one.isOwn(failure))
                        .as("%s failed with %s", who, failure)
                        .isTrue();
            }
            return result;
        }

        private GenerationResult alone(LanguageModel with, GenerationRequest request, GenerationListener listener) {
            TrieCache none = new TrieCache(NOTHING, System::nanoTime);
            try (Engine single = engine(with, null, none)) {
                single.drafters().replace(null, null);
                return single.submit(request, listener).result().get();
            } catch (ExecutionException | InterruptedException e) {
                throw new AssertionError(who + ", alone", e);
            } finally {
                thread.run(none::close);
            }
        }

        private Engine engine(LanguageModel with, DraftModel drafts, TrieCache cache) {
            return new Engine(
                    thread,
                    with,
                    drafts,
                    tokenizer,
                    cache,
                    KEY,
                    Set.of(END_TOKEN),
                    CONTEXT,
                    CHUNK_TOKENS,
                    EngineLimits.DEFAULT);
        }

        private void check() {
            compared++;
            one.result.drafts().forEach((kind, counts) -> drafts.merge(kind, counts, DraftCounts::plus));
            int[] got = one.result.generated();
            int[] wanted = one.alone.generated();
            boolean cut = one.result.end() == End.CANCELLED;
            assertThat(cut && !one.fate.cancels()).as("%s was cancelled", who).isFalse();
            int differs = Arrays.mismatch(got, wanted);
            if (differs >= 0 && !exact && differs < Math.min(got.length, wanted.length)) {
                ties++;
                assertNearTie(differs);
                return;
            }
            assertThat(got).as(who).isEqualTo(cut ? Arrays.copyOf(wanted, got.length) : wanted);
            if (!cut) {
                assertThat(one.result.end()).as(who).isEqualTo(one.alone.end());
                assertThat(one.text()).as(who).isEqualTo(one.aloneText.text());
            }
            checkLogprobs();
        }

        private void assertNearTie(int position) {
            int own = one.alone.generated()[position];
            int other = one.result.generated()[position];
            LanguageModel nudged = new NudgedModel(model, position, own, other, NEAR_TIE);
            assertThat(alone(nudged, one.aloneRequest(), piece -> {}).generated()[position])
                    .as("%s: token %d, %d in place of %d, is a near tie", who, position, other, own)
                    .isEqualTo(other);
        }

        private void checkLogprobs() {
            List<TokenLogprob> got = one.result.logprobs();
            List<TokenLogprob> wanted = one.alone.logprobs();
            assertThat(got).as(who).hasSize(one.sampling.topLogprobs() < 0 ? 0 : one.result.generated().length);
            for (int i = 0; i < got.size(); i++) {
                assertThat(got.get(i).id()).as(who).isEqualTo(one.result.generated()[i]);
                assertThat((double) got.get(i).logprob())
                        .as("%s, log-probability %d", who, i)
                        .isCloseTo(wanted.get(i).logprob(), within(exact ? 0.0 : LOGPROBS_APART_MAX));
            }
        }

        /** A request that goes on where this one ended gives what it gives without a cache. */
        private void checkWhatTheCacheHolds(Engine engine) throws Exception {
            int[] more = random.ints(3, 5, model.vocabularySize()).toArray();
            GenerationRequest asked = one.aloneRequest();
            GenerationRequest next = new GenerationRequest(
                    TokenIds.concat(asked.prompt(), one.result.generated(), more),
                    List.of(),
                    asked.conversation(),
                    Isolation.SHARED,
                    Sampling.GREEDY,
                    4,
                    List.of());
            if (asked.grammar() != null) {
                asked.grammar().close();
            }
            engine.drafters().replace(null, null);
            GenerationResult resumed = engine.submit(next, piece -> {}).result().get();
            assertThat(resumed.generated())
                    .as("%s, resumed at %s", who, resumed.plan())
                    .isEqualTo(alone(model, next, piece -> {}).generated());
            if (one.result.generated().length > 2 && one.conversation() != null) {
                assertThat(resumed.cachedTokens())
                        .as("%s, resumed at %s", who, resumed.plan())
                        .isGreaterThanOrEqualTo(asked.prompt().length + one.result.generated().length - 2);
            }
        }
    }
}
