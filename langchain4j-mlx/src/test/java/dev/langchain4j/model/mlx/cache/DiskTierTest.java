package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What goes to disk and when, what comes back, and what is deleted. */
class DiskTierTest {
    private static final Boundary SYSTEM = new Boundary(50, Tier.SYSTEM);
    private static final int[] ANN = concat(range(0, 50), range(1000, 1030));
    private static final int[] BOB = concat(range(0, 50), range(2000, 2030));
    private static final int[] ANSWER = {1, 2, 3};

    @TempDir
    Path folder;

    private DiskLimits limits = DiskLimits.ofBytes(1 << 26).idleBeforeWrite(Duration.ofSeconds(5));

    private CacheHarness open(Kind... kinds) {
        return CacheHarness.of(1_000_000, kinds).onDisk(folder, limits);
    }

    private static int answer(CacheHarness harness, Object conversation, int[] prompt) {
        return harness.run(conversation, prompt, ANSWER, Outcome.FINISHED, SYSTEM);
    }

    /** What a new process finds of a prompt. */
    private int afterRestart(CacheHarness harness, Object conversation, int[] prompt, Kind... kinds) {
        harness.close();
        CacheHarness next = open(kinds);
        int reused = answer(next, conversation, prompt);
        assertThat(next.tier.stats().misses()).isEmpty();
        next.cache.evict(id -> false);
        next.close();
        return reused;
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aConversationGoesOnAfterARestart(Kind kind) {
        CacheHarness harness = open(Kind.SLICEABLE, kind);
        answer(harness, "ann", ANN);
        int[] next = concat(ANN, ANSWER, range(1100, 1110));
        // The state after an answer lies behind its last token that was fed.
        assertThat(afterRestart(harness, "ann", next, Kind.SLICEABLE, kind)).isEqualTo(ANN.length + ANSWER.length);
    }

    @Test
    void thePlanSaysWhatCameFromDisk() {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, "ann", ANN);
        harness.close();
        CacheHarness next = open(Kind.SLICEABLE);
        CacheSession session = next.begin("bob", BOB, SYSTEM);
        assertThat(session.isRestoring()).isTrue();
        assertThat(CacheHarness.restore(session, BOB)).isEqualTo(50);
        assertThat(session.plan().restoredTokens()).isEqualTo(50);
        assertThat(session.plan().reason()).isEqualTo(Reason.DIVERGED);
        assertThat(session.plan().cachedToken()).isEqualTo(1000);
        session.close(Outcome.CANCELLED);
        assertThat(next.stats().cachedTokens()).isEqualTo(50);
        assertThat(next.tier.stats().hits()).isEqualTo(1);
        assertThat(next.tier.stats().tokensRestored()).isEqualTo(50);
        next.close();
    }

    @Test
    void theSystemMessageIsWrittenAtOnceAndAPromptWithoutMemoryIdThatCameOnceIsNot() {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, null, ANN);
        harness.settle();
        long kept = harness.tier.stats().bytesKept();
        assertThat(kept).isPositive();
        harness.nanos += Duration.ofMinutes(1).toNanos();
        harness.idle();
        assertThat(harness.tier.stats().bytesKept()).isEqualTo(kept);
        assertThat(afterRestart(harness, null, ANN, Kind.SLICEABLE)).isEqualTo(50);
    }

    @Test
    void aPromptWithoutMemoryIdThatCameBackIsWritten() {
        CacheHarness harness = open(Kind.SLICEABLE);
        Boundary turn = new Boundary(70, Tier.USER);
        harness.run(null, ANN, ANSWER, Outcome.FINISHED, SYSTEM, turn);
        int[] next = concat(ANN, ANSWER, range(1100, 1110));
        harness.run(null, next, ANSWER, Outcome.FINISHED, SYSTEM, turn);
        assertThat(afterRestart(harness, null, next, Kind.SLICEABLE)).isEqualTo(next.length - 1);
    }

    @Test
    void aConversationIsWrittenWhenItIsIdleAndEachTokenOnce() {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, "ann", ANN);
        harness.idle();
        long system = harness.tier.stats().bytesKept();
        harness.nanos += Duration.ofSeconds(6).toNanos();
        harness.idle();
        long all = harness.tier.stats().bytesKept();
        assertThat(all).isGreaterThan(system);
        answer(harness, "bob", BOB);
        answer(harness, "ann", concat(ANN, ANSWER, range(1100, 1110)));
        harness.nanos += Duration.ofSeconds(6).toNanos();
        harness.idle();
        DiskStats stats = harness.tier.stats();
        // A section has 8 bytes and 4 a token.
        int tokens = 50 + 33 + 33 + 13;
        assertThat(stats.bytesKept()).isBetween(4L * tokens, 4L * tokens + 8 * 8);
        harness.close();
    }

    @Test
    void whatWaitsToBeWrittenIsAPartOfTheMemoryThatOtherModelsLeave() {
        CacheHarness harness = open(Kind.SLICEABLE);
        long[] share = {32 << 10};
        harness.cache.within(() -> share[0], () -> Long.MAX_VALUE);
        assertThat(harness.tier.unitBytes()).isEqualTo(1025);
        share[0] /= 2;
        assertThat(harness.tier.unitBytes()).as("another model was loaded").isEqualTo(513);
        share[0] = 0;
        assertThat(harness.tier.unitBytes()).as("nothing is left").isEqualTo(1);
        share[0] = Long.MAX_VALUE;
        assertThat(harness.tier.unitBytes()).as("its own limit").isEqualTo(1_000_000 / 32 + 1);
        harness.close();
    }

    @Test
    void whatIsExpectedMostIsWrittenFirst() {
        // The bytes of a day are those of the system message and of one of the two: a section has 8 bytes and 4 a
        // token.
        limits = limits.bytesPerDay(8 + 4 * 50 + 8 + 4 * 33);
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, "answered", ANN);
        harness.run("calling", BOB, ANSWER, Outcome.TOOL_CALL, SYSTEM);
        harness.nanos += Duration.ofSeconds(6).toNanos();
        harness.idle();
        assertThat(harness.tier.stats().reason()).isEqualTo("the limit of bytes per day is reached");
        int[] next = concat(BOB, ANSWER, range(7, 9));
        assertThat(afterRestart(harness, "calling", next, Kind.SLICEABLE)).isEqualTo(83);
    }

    @Test
    void whatIsEvictedIsWrittenBefore() {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, "ann", ANN);
        harness.cache.trimTo(0);
        assertThat(harness.probe(ANN)).isZero();
        harness.settle();
        CacheSession session = harness.begin("ann", concat(ANN, ANSWER, range(7, 9)), SYSTEM);
        assertThat(CacheHarness.restore(session, concat(ANN, ANSWER, range(7, 9))))
                .isEqualTo(ANN.length + ANSWER.length);
        session.close(Outcome.CANCELLED);
        harness.close();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void whatIsEvictedWhileItWaitsToBeWrittenIsWritten(Kind kind) {
        CacheHarness harness = open(Kind.SLICEABLE, kind);
        answer(harness, "ann", ANN);
        harness.settle();
        harness.nanos += Duration.ofSeconds(6).toNanos();
        harness.tier.writeIdle();
        harness.cache.trimTo(0);
        assertThat(harness.probe(ANN)).isZero();
        harness.settle();
        int[] next = concat(ANN, ANSWER, range(7, 9));
        assertThat(afterRestart(harness, "ann", next, Kind.SLICEABLE, kind)).isEqualTo(ANN.length + ANSWER.length);
    }

    @Test
    void ofASingleQuestionThatIsEvictedOnlyTheSystemMessageIsWritten() {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, null, ANN);
        harness.cache.trimTo(0);
        harness.settle();
        assertThat(afterRestart(harness, null, ANN, Kind.SLICEABLE)).isEqualTo(50);
    }

    @Test
    void whatIsEvictedByMemoryIdIsDeletedOnDiskAndWhatOthersHaveStays() throws IOException {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, "ann", ANN);
        answer(harness, "bob", BOB);
        harness.nanos += Duration.ofSeconds(6).toNanos();
        harness.idle();
        harness.access.evict("ann").join();
        for (Path file : files()) {
            assertThat(Files.readString(file, java.nio.charset.StandardCharsets.ISO_8859_1))
                    .doesNotContain("ann");
        }
        harness.close();
        CacheHarness next = open(Kind.SLICEABLE);
        assertThat(answer(next, "bob", BOB)).isEqualTo(BOB.length - 1);
        assertThat(answer(next, "eve", ANN)).isEqualTo(50);
        next.access.evictIf(id -> id.equals("bob") || id.equals("eve")).join();
        assertThat(next.tier.stats().records()).isZero();
        next.close();
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    @Test
    void conversationsOfEarlierRunsAreEvictedByTheirMemoryId() {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, "ann", ANN);
        answer(harness, "bob", BOB);
        harness.close();
        CacheHarness next = open(Kind.SLICEABLE);
        next.access.evictIf(id -> id.equals("ann")).join();
        next.access.evict("bob").join();
        assertThat(next.tier.stats().records()).isZero();
        next.close();
    }

    @Test
    void clearDeletesAll() {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, "ann", ANN);
        answer(harness, "bob", BOB);
        harness.settle();
        harness.access.clear().join();
        harness.settle();
        assertThat(harness.stats().bytesHeld()).isZero();
        assertThat(harness.tier.stats().records()).isZero();
        assertThat(afterRestart(harness, "ann", ANN, Kind.SLICEABLE)).isZero();
    }

    @Test
    void isolatedConversationsAreWrittenOnlyIfAllowedAndFoundOnlyByThemselves() {
        for (boolean allowed : new boolean[] {false, true}) {
            limits = limits.isolated(allowed);
            CacheHarness harness = open(Kind.SLICEABLE);
            harness.isolation = Isolation.PER_MEMORY_ID;
            answer(harness, "ann", ANN);
            harness.close();
            CacheHarness next = open(Kind.SLICEABLE);
            next.isolation = Isolation.PER_MEMORY_ID;
            assertThat(answer(next, "bob", ANN)).isZero();
            assertThat(answer(next, "ann", ANN)).isEqualTo(allowed ? ANN.length - 1 : 0);
            next.isolation = Isolation.SHARED;
            assertThat(answer(next, "eve", ANN)).isZero();
            next.access.clear().join();
            next.close();
        }
    }

    @Test
    void aMemoryIdWithoutANameIsNotWritten() {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, 42, ANN);
        assertThat(afterRestart(harness, 42, ANN, Kind.SLICEABLE)).isZero();
    }

    @Test
    void severalRequestsForOnePrefixReadItOnce() {
        CacheHarness harness = open(Kind.SLICEABLE, Kind.RECURRENT);
        answer(harness, "ann", ANN);
        harness.close();
        CacheHarness next = open(Kind.SLICEABLE, Kind.RECURRENT);
        CacheSession first = next.begin("eve", ANN, SYSTEM);
        assertThat(first.isRestoring()).isTrue();
        CacheSession second = next.cache.begin(
                new CacheRequest(next.key, ANN, List.of(SYSTEM), "fay", Isolation.SHARED, next.layers));
        assertThat(second.isRestoring()).isFalse();
        assertThat(first.isRestoring()).isFalse();
        assertThat(second.resumePosition()).isEqualTo(first.resumePosition()).isPositive();
        assertThat(next.tier.stats().hits()).isEqualTo(1);
        first.close(Outcome.CANCELLED);
        second.close(Outcome.CANCELLED);
        next.close();
    }

    @Test
    void aRequestThatEndsWhileItRestoresLeavesWhatItHad() {
        CacheHarness harness = open(Kind.SLICEABLE, Kind.WINDOW);
        answer(harness, "ann", ANN);
        harness.close();
        for (Outcome outcome : List.of(Outcome.FAILED, Outcome.CANCELLED)) {
            CacheHarness next = open(Kind.SLICEABLE, Kind.WINDOW);
            CacheSession session = next.begin("ann", ANN, SYSTEM);
            session.hasRoom(session.nextRestored());
            session.restore();
            session.close(outcome);
            next.close();
        }
    }

    @Test
    void whatIsDamagedIsComputed() throws IOException {
        for (Kind kind : Kind.values()) {
            CacheHarness harness = open(Kind.SLICEABLE, kind);
            answer(harness, "ann", ANN);
            harness.close();
            Path segment = files().stream()
                    .filter(file -> file.toString().endsWith(".seg"))
                    .findFirst()
                    .orElseThrow();
            byte[] bytes = Files.readAllBytes(segment);
            for (int page = 1; page < bytes.length / 16384; page++) {
                byte[] damaged = bytes.clone();
                damaged[page * 16384 + 3] ^= 1;
                Files.write(segment, damaged);
                CacheHarness next = open(Kind.SLICEABLE, kind);
                int reused = answer(next, "ann", ANN);
                assertThat(reused).isBetween(0, ANN.length - 1);
                next.close();
                Files.write(segment, bytes);
            }
            CacheHarness last = open(Kind.SLICEABLE, kind);
            last.access.clear().join();
            last.close();
        }
    }

    /** A record has the shares of all ranks, so as many tokens fewer are copied at a time. */
    @Test
    void recordsOfASplitModelHaveFewerTokens() {
        List<Integer> records = new ArrayList<>();
        for (int ranks : new int[] {1, 4}) {
            // a unit is a 32nd of the memory: 20 tokens, or 5
            CacheHarness harness = CacheHarness.of(639, Kind.SLICEABLE);
            harness.ranks = ranks;
            harness.onDisk(folder.resolve("of " + ranks), limits);
            answer(harness, null, ANN);
            harness.settle();
            records.add(harness.tier.stats().records());
            assertThat(harness.tier.unitBytes()).isEqualTo(20 / ranks);
            harness.close();
        }
        assertThat(records).containsExactly(3, 10);
    }

    /** As when a rank is lost. */
    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"WINDOW", "RECURRENT"})
    void aModelThatFailsWhileItRestoresLosesNothingOnDisk(Kind kind) {
        CacheHarness harness = open(kind);
        answer(harness, "ann", ANN);
        harness.close();
        CacheHarness next = open(kind);
        next.ledger.failure = () -> new InternalServerException("rank 1 closed its connection");
        for (int copy = 0; copy < 2; copy++) {
            CacheSession session = next.begin("ann", ANN, SYSTEM);
            assertThat(session.hasRoom(session.nextRestored())).isTrue();
            next.ledger.copiesUntilFailure = copy;
            assertThatThrownBy(session::restore).isInstanceOf(InternalServerException.class);
            session.close(Outcome.FAILED);
        }
        assertThat(next.tier.stats().misses()).isEmpty();
        assertThat(answer(next, "ann", ANN)).isEqualTo(50);
        next.close();
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"WINDOW", "RECURRENT"})
    void aStateThatALayerDoesNotTakeIsComputed(Kind kind) {
        CacheHarness harness = open(kind, kind);
        answer(harness, "ann", ANN);
        harness.close();
        CacheHarness next = open(kind, kind);
        CacheSession session = next.begin("ann", ANN, SYSTEM);
        assertThat(session.hasRoom(session.nextRestored())).isTrue();
        // two states are read, one is taken
        next.ledger.copiesUntilFailure = 3;
        assertThat(CacheHarness.restore(session, ANN)).isZero();
        next.prefill(session, ANN, ANN.length - 1);
        next.decode(session, ANN, ANSWER);
        session.close(Outcome.FINISHED);
        assertThat(next.tier.stats().misses()).containsOnlyKeys("does not fit");
        next.close();
    }

    @Test
    void whatWaitsToBeWrittenCountsAgainstTheMemory() {
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, "ann", ANN);
        harness.cache.usage().queuedBytes = () -> 999_000;
        assertThat(harness.cache.usage().bytesHeld()).isGreaterThan(999_000);
        harness.cache.usage().queuedBytes = () -> 0;
        harness.close();
    }

    /**
     * Random conversations by processes that come one after the other, with little memory: whatever is reused is right.
     */
    @RepeatedTest(60)
    void whateverIsRestoredIsRight(RepetitionInfo repetition) {
        long seed = Long.getLong("seed", 500L + repetition.getCurrentRepetition());
        Random random = new Random(seed);
        Kind[][] layouts = {
            {Kind.SLICEABLE},
            {Kind.RECURRENT},
            {Kind.WINDOW},
            {Kind.SLICEABLE, Kind.RECURRENT},
            {Kind.WINDOW, Kind.SLICEABLE}
        };
        Kind[] kinds = layouts[random.nextInt(layouts.length)];
        long bytesMax = random.nextBoolean() ? 1_000_000 : 400 + random.nextInt(2000);
        limits = DiskLimits.ofBytes(random.nextBoolean() ? 1 << 26 : 1 << 20).idleBeforeWrite(Duration.ZERO);
        List<int[]> prompts = new ArrayList<>(List.of(ANN));
        try {
            for (int process = 0; process < 3; process++) {
                CacheHarness harness = CacheHarness.of(bytesMax, kinds).onDisk(folder, limits);
                for (int i = 0; i < 25; i++) {
                    int[] start = prompts.get(random.nextInt(prompts.size()));
                    int keep = random.nextInt(3) == 0 ? random.nextInt(start.length + 1) : start.length;
                    int[] prompt = concat(
                            Arrays.copyOf(start, keep),
                            random.ints(1 + random.nextInt(20), 0, 3).toArray());
                    prompt = prompt.length > 200 ? Arrays.copyOf(prompt, 60) : prompt;
                    int[] answer = random.ints(1 + random.nextInt(5), 0, 3).toArray();
                    Object id = random.nextInt(4) == 0 ? null : "c" + random.nextInt(4);
                    harness.run(id, prompt, answer, Outcome.values()[random.nextInt(3)], SYSTEM);
                    prompts.add(concat(prompt, answer));
                    if (random.nextInt(3) == 0) {
                        harness.idle();
                    }
                    if (random.nextInt(8) == 0) {
                        harness.access.evict("c" + random.nextInt(4)).join();
                    }
                    harness.tier.store().settled().join();
                    TrieAsserts.check(harness.cache, harness.ledger);
                }
                assertThat(harness.tier.stats().misses().keySet()).isSubsetOf("no room", "not written");
                harness.close();
            }
        } catch (Throwable e) {
            throw new AssertionError("seed " + seed + ", layers " + Arrays.toString(kinds), e);
        }
    }
}
