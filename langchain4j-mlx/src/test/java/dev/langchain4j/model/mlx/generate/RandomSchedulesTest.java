package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.RateLimitException;
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
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.generate.GenerationResult.End;
import dev.langchain4j.model.mlx.generate.ScheduledCase.Fate;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random schedules through the engine, for each architecture: two to nine requests at once of all kinds of sampling,
 * stop sequences, JSON; they join while others run, end, are cancelled at any time and fail in any part. Whoever ends
 * gives what it gives alone; who fails fails alone; nothing is left. {@code -Dseed=N} repeats a run,
 * {@code -Dschedules=N} says how many there are for each model.
 *
 * <p>What "the same" means: with {@code exactBatching} the same tokens and the same log-probabilities. Without it
 * products of other numbers of rows differ in their last bits, so that a token may differ where two are equally likely
 * for as much as these bits decide; what follows is another text then. So the first token that differs must be such a
 * near tie: the request alone gives it as well when its logit is raised, and that of its own token lowered, by
 * {@link #NEAR_TIE}.
 */
class RandomSchedulesTest {
    /**
     * As much as logits of the golden models differ beside others, which FlatStepTest measures, for each of two of
     * them.
     */
    private static final float NEAR_TIE = 2e-3f;

    private static final double LOGPROBS_APART_MAX = 1e-2;
    private static final int CHUNK_TOKENS = 8;
    private static final int CONTEXT = 4096;
    private static final int END_TOKEN = 1;
    private static final CacheKey KEY = CacheKey.of("schedules", "float32");
    private static final CacheLimits NOTHING = new CacheLimits(0, 0, Duration.ZERO, 1024);

    private static Tokenizer tokenizer;
    private static long seed;
    private static final Map<String, Integer> ENDS = new TreeMap<>();
    private static int compared;
    private static int ties;

    @BeforeAll
    static void open() {
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        seed = Seeds.seed(RandomSchedulesTest.class);
    }

    @AfterAll
    static void close() {
        tokenizer.close();
        System.out.printf("random schedules: %d answers compared, %d with a near tie; %s%n", compared, ties, ENDS);
        assertThat(ties).as("near ties").isLessThanOrEqualTo(2 + compared / 20);
    }

    static Stream<String> folders() throws Exception {
        return Goldens.modelsByLayers().stream();
    }

    @ParameterizedTest
    @MethodSource("folders")
    void eachGivesWhatItGivesAlone(String name) throws Exception {
        long handles = LiveHandles.count();
        long bytes = MlxMemory.activeBytes();
        try (MlxThread thread = MlxThread.start("schedules", Device.CPU)) {
            ModelLoader.Loaded loaded =
                    thread.call(() -> ModelLoader.load(Goldens.folder("models").resolve(name), DType.FLOAT32));
            int size = loaded.model().vocabularySize();
            try (GrammarCompiler grammars = tokenizer.grammarCompiler(size, END_TOKEN)) {
                for (int i = 0; i < Integer.getInteger("schedules", 1); i++) {
                    long own = seed + i + 1000L * name.hashCode();
                    DraftModel drafts = OwnDrafts.some(loaded, new Random(own));
                    Schedule shared = new Schedule(thread, loaded.model(), drafts, grammars, own, false, name);
                    shared.runAlone();
                    shared.run();
                    Schedule exact = new Schedule(thread, loaded.model(), null, grammars, own, true, name);
                    exact.runAlone();
                    exact.run();
                }
            } finally {
                thread.run(() -> loaded.weights().close());
            }
        }
        assertThat(LiveHandles.count()).as(name).isEqualTo(handles);
        assertThat(MlxMemory.activeBytes()).as(name).isLessThanOrEqualTo(bytes);
    }

    private static final class Schedule {
        private final MlxThread thread;
        private final LanguageModel model;
        private final DraftModel draftModel;
        private final Random random;
        private final boolean exact;
        private final String what;
        private final int rows;
        private final boolean tight;
        private final List<ScheduledCase> cases;
        private final CountDownLatch ended;
        private Engine engine;
        private int submitted;
        private int open;
        /** Checks for memory until one fails; negative for never. */
        private int checksUntilFailure;

        private int injected;
        private Throwable problem;

        Schedule(
                MlxThread thread,
                LanguageModel model,
                DraftModel draftModel,
                GrammarCompiler grammars,
                long seed,
                boolean exact,
                String name) {
            this.thread = thread;
            this.model = model;
            this.draftModel = draftModel;
            this.random = new Random(seed);
            this.exact = exact;
            this.what = "%s, exact %s, %s".formatted(name, exact, draftModel);
            this.rows = 2 + random.nextInt(8);
            this.tight = random.nextInt(4) == 0;
            this.cases = ScheduledCase.some(rows + random.nextInt(8), random, model.vocabularySize(), grammars);
            this.ended = new CountDownLatch(cases.size());
            this.checksUntilFailure = random.nextInt(3) > 0 ? -1 : random.nextInt(200);
            cases.forEach(one -> one.onStep = this::maybeSubmit);
        }

        void runAlone() {
            cases.forEach(one -> one.runAlone(() -> alone(one, model)));
        }

        void run() throws Exception {
            CacheLimits limits = CacheLimits.ofBytes(tight ? 3 * bytesOfOne() : 64 << 20);
            TrieCache cache = new TrieCache(limits, System::nanoTime, exact ? CHUNK_TOKENS : 0);
            EngineLimits many = new EngineLimits(rows, cases.size(), null, Duration.ofSeconds(10), exact);
            try (Engine made = new Engine(
                    thread, model, draftModel, tokenizer, cache, KEY, Set.of(END_TOKEN), CONTEXT, CHUNK_TOKENS, many)) {
                engine = made;
                engine.room((session, tokens) -> {
                    fail();
                    return session.hasRoom(tokens);
                });
                thread.run(() -> {
                    while (submitted < 2 || (submitted < rows && random.nextInt(4) > 0)) {
                        submit();
                    }
                });
                assertThat(ended.await(120, TimeUnit.SECONDS))
                        .as("%s: all end", what)
                        .isTrue();
            }
            if (problem != null) {
                throw new AssertionError(what, problem);
            }
            EngineStats stats = engine.stats();
            assertThat(stats.running() + stats.waiting()).isZero();
            assertThat(thread.call(() -> cache.stats().bytesRunning())).as(what).isZero();
            thread.run(cache::close);
            assertThat(cache.stats().bytesHeld()).as(what).isZero();
            for (ScheduledCase one : cases) {
                check(one);
            }
            long failed = cases.stream()
                    .filter(one -> one.failure == ScheduledCase.NO_MEMORY)
                    .count();
            assertThat(failed).as("%s: each failure is one request's", what).isLessThanOrEqualTo(injected);
            assertThat(failed == injected || cases.stream().anyMatch(one -> one.fate.cancels()))
                    .as("%s: who is cancelled before its next step does not fail in it", what)
                    .isTrue();
        }

        /** On the model's thread, as all that follows but for checks. */
        private void fail() {
            if (checksUntilFailure >= 0 && checksUntilFailure-- == 0) {
                injected++;
                checksUntilFailure = -1;
                throw ScheduledCase.NO_MEMORY;
            }
        }

        private void submit() {
            ScheduledCase one = cases.get(submitted++);
            open++;
            one.handle = engine.submit(one.request(), one);
            one.handle.result().whenComplete((result, failure) -> {
                one.result = result;
                one.failure = failure;
                open--;
                ended.countDown();
                maybeSubmit();
            });
            if (one.fate == Fate.CANCELLED_AT_ONCE) {
                one.handle.cancel();
            }
        }

        private void maybeSubmit() {
            try {
                while (submitted < cases.size() && (open == 0 || (open < rows + 2 && random.nextInt(4) == 0))) {
                    submit();
                }
            } catch (Throwable e) {
                problem = e;
            }
        }

        private long bytesOfOne() throws Exception {
            TrieCache cache = new TrieCache(CacheLimits.ofBytes(64 << 20), System::nanoTime);
            try (Engine one = engine(model, cache)) {
                one.submit(cases.getFirst().aloneRequest(), piece -> {})
                        .result()
                        .get();
                return cache.stats().bytesHeld();
            } finally {
                thread.run(cache::close);
            }
        }

        private GenerationResult alone(ScheduledCase one, LanguageModel with) {
            TrieCache none = new TrieCache(NOTHING, System::nanoTime);
            try (Engine single = engine(with, none)) {
                single.drafters().replace(null, null);
                return single.submit(one.aloneRequest(), one.aloneText).result().get();
            } catch (ExecutionException | InterruptedException e) {
                throw new AssertionError(what + ", alone: " + one, e);
            } finally {
                thread.run(none::close);
            }
        }

        private Engine engine(LanguageModel with, TrieCache cache) {
            EngineLimits one = new EngineLimits(1, 1, null, Duration.ofSeconds(10), exact);
            return new Engine(thread, with, tokenizer, cache, KEY, Set.of(END_TOKEN), CONTEXT, CHUNK_TOKENS, one);
        }

        private void check(ScheduledCase one) {
            String who = what + ", " + one;
            ENDS.merge(one.end(), 1, Integer::sum);
            if (one.failure == ScheduledCase.NO_MEMORY) {
                return;
            }
            if (one.failure != null) {
                switch (one.failure) {
                    case CancellationException e ->
                        assertThat(one.fate.cancels()).as(who).isTrue();
                    case RateLimitException e -> assertThat(tight).as(who).isTrue();
                    case InvalidRequestException e -> assertThat(tight).as(who).isTrue();
                    default ->
                        assertThat(one.isOwn(one.failure))
                                .as("%s failed with %s", who, one.failure)
                                .isTrue();
                }
                return;
            }
            boolean cut = one.result.end() == End.CANCELLED || (tight && one.result.end() == End.LENGTH);
            assertThat(one.struck).as("%s did not fail", who).isFalse();
            assertThat(one.wentOnWithoutGrammar()).as(who).isFalse();
            assertThat(one.result.end() == End.CANCELLED && !one.fate.cancels())
                    .as("%s was cancelled", who)
                    .isFalse();
            compared++;
            int[] got = one.result.generated();
            int[] wanted = one.alone.generated();
            int differs = Arrays.mismatch(got, wanted);
            if (differs >= 0 && !exact && differs < Math.min(got.length, wanted.length)) {
                ties++;
                assertNearTie(one, differs, who);
                return;
            }
            assertThat(got).as(who).isEqualTo(cut ? Arrays.copyOf(wanted, got.length) : wanted);
            if (!cut) {
                assertThat(one.result.end()).as(who).isEqualTo(one.alone.end());
                assertThat(one.text()).as(who).isEqualTo(one.aloneText.text());
            }
            assertLogprobs(one, who);
        }

        private void assertNearTie(ScheduledCase one, int position, String who) {
            int own = one.alone.generated()[position];
            int other = one.result.generated()[position];
            LanguageModel nudged = new NudgedModel(model, position, own, other, NEAR_TIE);
            assertThat(alone(one, nudged).generated()[position])
                    .as("%s: token %d, %d in place of %d, is a near tie", who, position, other, own)
                    .isEqualTo(other);
        }

        private void assertLogprobs(ScheduledCase one, String who) {
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
    }
}
