package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Limits are limits, also for what runs: who may begin, how far it may grow, and what goes for it. */
class LimitsTest {
    private CacheHarness harness;

    @AfterEach
    void nothingLeaks() {
        harness.close();
    }

    private Admission admission(int... prompt) {
        return harness.cache.admission(
                new CacheRequest(harness.key, prompt, List.of(), null, Isolation.SHARED, harness.layers));
    }

    /** Feeds token by token while there is room, and gives how many the layers hold then. */
    private static int growWhileThereIsRoom(CacheSession session, int most) {
        int length = session.layers().getFirst().offset();
        while (length < most && session.hasRoom(length + 1)) {
            CacheHarness.feed(session, new int[] {7}, 0, 1);
            session.append(7);
            length++;
        }
        return length;
    }

    @Test
    void aRunningSequenceGrowsToTheLimitAndNoFurther() {
        harness = CacheHarness.of(100, Kind.SLICEABLE);
        harness.run("idle", range(500, 530));
        CacheSession session = harness.begin("a", range(0, 20));
        harness.prefill(session, range(0, 20), 19);
        harness.decode(session, range(0, 20));
        assertThat(growWhileThereIsRoom(session, 10_000)).isEqualTo(100);
        session.close(Outcome.FINISHED);
        assertThat(harness.stats().bytesHeld()).isEqualTo(100);
        assertThat(harness.probe(range(500, 531))).as("made room").isZero();
    }

    @Test
    void buffersThatGrowInStepsTakeTheLastStepOnlyIfItFits() {
        harness = CacheHarness.of(100, Kind.SLICEABLE);
        harness.ledger.capacityStep = 16;
        harness.run("first", range(500, 510));
        CacheSession session = harness.begin("a", range(0, 20));
        harness.prefill(session, range(0, 20), 19);
        harness.decode(session, range(0, 20));
        assertThat(growWhileThereIsRoom(session, 10_000)).isEqualTo(96);
        session.close(Outcome.FINISHED);
        assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(100);
    }

    @Test
    void sequencesThatRunAtOnceNeverCountOnTheSameBytes() {
        harness = CacheHarness.of(100, Kind.SLICEABLE);
        CacheSession[] sessions = {harness.begin("a", range(0, 10)), harness.begin("b", range(50, 60))};
        harness.prefill(sessions[0], range(0, 10), 9);
        harness.prefill(sessions[1], range(50, 60), 9);
        harness.decode(sessions[0], range(0, 10));
        harness.decode(sessions[1], range(50, 60));
        int together = 0;
        for (int most = 11; most <= 100; most++) {
            together = growWhileThereIsRoom(sessions[0], most) + growWhileThereIsRoom(sessions[1], most);
        }
        assertThat(together).isEqualTo(100);
        sessions[0].close(Outcome.FINISHED);
        assertThat(growWhileThereIsRoom(sessions[1], 10_000)).as("alone again").isEqualTo(100);
        sessions[1].close(Outcome.FINISHED);
    }

    @Test
    void aRequestBeginsNowOrLaterOrNever() {
        harness = CacheHarness.of(100, Kind.SLICEABLE);
        assertThat(admission(range(0, 5000))).as("nothing is known yet").isEqualTo(Admission.NOW);
        harness.run("idle", range(500, 590));
        assertThat(admission(range(0, 90))).as("what is idle makes room").isEqualTo(Admission.NOW);
        assertThat(admission(range(0, 101))).isEqualTo(Admission.NEVER);
        CacheSession running = harness.begin("a", range(0, 60));
        assertThat(admission(range(700, 740))).isEqualTo(Admission.NOW);
        assertThat(admission(range(700, 741))).as("promised to what runs").isEqualTo(Admission.LATER);
        running.close(Outcome.CANCELLED);
        assertThat(admission(range(700, 741))).isEqualTo(Admission.NOW);
    }

    @Test
    void whatAPromptTakesIsCountedInWholeStepsOfItsBuffers() {
        harness = CacheHarness.of(100, Kind.SLICEABLE);
        harness.ledger.capacityStep = 16;
        harness.run("first", range(500, 510));
        CacheSession[] sessions = new CacheSession[6];
        for (int i = 0; i < sessions.length; i++) {
            assertThat(admission(range(100 * i, 100 * i + 3))).isEqualTo(Admission.NOW);
            sessions[i] = harness.begin("c" + i, range(100 * i, 100 * i + 3));
        }
        assertThat(admission(range(700, 703))).as("4 bytes are left").isEqualTo(Admission.LATER);
        sessions[0].close(Outcome.CANCELLED);
        assertThat(admission(range(700, 703))).isEqualTo(Admission.NOW);
        for (CacheSession session : sessions) {
            session.close(Outcome.CANCELLED);
        }
    }

    @Test
    void sizesAreThoseThatLayersTake() {
        for (int step : new int[] {1, 16, 256}) {
            harness = CacheHarness.of(1_000_000, Kind.SLICEABLE, Kind.WINDOW, Kind.RECURRENT);
            harness.ledger.capacityStep = step;
            CacheSession session = harness.begin("a", range(0, 10));
            harness.prefill(session, range(0, 10), 9);
            LayerSizes sizes = new LayerSizes(session.sequence());
            for (int tokens = 9; tokens < 6000; tokens++) {
                long taken = session.sequence().layerBytesFor(tokens);
                assertThat(sizes.bytes(tokens)).as("%d tokens", tokens).isEqualTo(taken);
            }
            session.close(Outcome.CANCELLED);
            harness.close();
        }
    }

    @Test
    void theFirstRequestOfAModelRunsAloneUntilItHasShownWhatAPromptTakes() {
        harness = CacheHarness.of(100, Kind.SLICEABLE);
        CacheSession first = harness.begin("a", range(0, 40));
        assertThat(admission(range(500, 510))).as("nothing is known yet").isEqualTo(Admission.LATER);
        CacheHarness.feed(first, range(0, 40), 0, 8);
        first.checkpoint();
        assertThat(admission(range(500, 510))).isEqualTo(Admission.NOW);
        first.close(Outcome.CANCELLED);
    }

    @Test
    void whatCannotBeKeptEvictsNothing() {
        harness = CacheHarness.of(100, Kind.SLICEABLE);
        harness.run("idle", range(500, 560));
        CacheSession session = harness.begin("big", range(0, 120));
        assertThat(session.hasRoom(1)).isFalse();
        session.close(Outcome.FAILED);
        assertThat(harness.probe(range(500, 561))).isEqualTo(60);
        CacheSession other = harness.begin("a", range(0, 30));
        harness.prefill(other, range(0, 30), 29);
        assertThat(other.hasRoom(101)).isFalse();
        assertThat(harness.probe(range(500, 561))).isEqualTo(60);
        other.close(Outcome.CANCELLED);
    }

    @Test
    void anUnlimitedCacheThatKeepsNothingLimitsNobody() {
        harness = CacheHarness.of(0, Kind.SLICEABLE);
        CacheSession session = harness.begin("a", range(0, 10));
        assertThat(session.hasRoom(Integer.MAX_VALUE)).isTrue();
        assertThat(admission(range(0, 10_000))).isEqualTo(Admission.NOW);
        session.close(Outcome.FINISHED);
    }

    @Test
    void nativeBuffersAreLimited() {
        harness = new CacheHarness(CacheLimits.ofBytes(1_000_000).buffers(10), 4, Kind.SLICEABLE);
        for (int i = 0; i < 20; i++) {
            harness.run("c" + i, range(100 * i, 100 * i + 10));
            assertThat(harness.stats().buffersHeld()).isLessThanOrEqualTo(10);
        }
        assertThat(harness.probe(range(1900, 1911))).isEqualTo(10);
        assertThat(harness.probe(range(1500, 1511))).as("two buffers for each").isEqualTo(10);
        assertThat(harness.probe(range(1400, 1411))).isZero();
    }

    /** The limits of an application allow more than other models leave. */
    @Test
    void whatOtherModelsLeaveLimitsAsWell() {
        long[] left = {1_000_000, 100};
        harness = new CacheHarness(CacheLimits.ofBytes(1_000_000), 4, Kind.SLICEABLE);
        harness.cache.within(() -> left[0], () -> left[1]);
        for (int i = 0; i < 20; i++) {
            harness.run("c" + i, range(100 * i, 100 * i + 10));
        }
        long all = harness.stats().bytesHeld();
        assertThat(harness.stats().bytesMax()).isEqualTo(1_000_000);
        assertThat(harness.probe(range(0, 11))).isEqualTo(10);

        left[0] = all / 2;
        harness.access.trimTo(all).join();
        assertThat(harness.stats().bytesMax()).isEqualTo(all / 2);
        assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(all / 2);
        left[1] = 4;
        harness.access.trimTo(all).join();
        assertThat(harness.stats().buffersMax()).isEqualTo(4);
        assertThat(harness.stats().buffersHeld()).isLessThanOrEqualTo(4);

        left[0] = 0;
        assertThat(admission(range(0, 10_000)))
                .as("nothing is left: it runs, and nothing is kept")
                .isEqualTo(Admission.NOW);
        left[0] = 1_000_000;
        assertThat(admission(range(0, 10_000))).isEqualTo(Admission.NOW);
    }

    @Test
    void limitsAreChecked() {
        harness = CacheHarness.of(100, Kind.SLICEABLE);
        assertThatThrownBy(() -> CacheLimits.ofBytes(1).buffers(-1)).hasMessage("buffersMax (-1) must not be negative");
        assertThatThrownBy(() -> CacheLimits.ofBytes(-1)).hasMessage("bytesMax (-1) must not be negative");
    }

    // ---- nothing is held by a request that could not begin ---------------------------------------------------------

    private static final class Broken {
        private final boolean hashes;

        Broken(boolean hashes) {
            this.hashes = hashes;
        }

        @Override
        public int hashCode() {
            if (!hashes) {
                throw new AssertionError("no hash");
            }
            return 1;
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        @Override
        public String toString() {
            throw new AssertionError("no name");
        }
    }

    @Test
    void aMemoryIdThatThrowsLeavesNothing() throws Exception {
        harness = CacheHarness.of(1000, Kind.SLICEABLE);
        harness.run("a", range(0, 40));
        assertThatThrownBy(() -> harness.begin(new Broken(false), range(0, 50))).hasMessage("no hash");
        TrieAsserts.check(harness.cache, harness.ledger);
        try (jdk.jfr.Recording recording = new jdk.jfr.Recording()) {
            recording.enable("dev.langchain4j.mlx.CacheLookup").withoutThreshold();
            recording.start();
            assertThatThrownBy(() -> harness.begin(new Broken(true), range(0, 50)))
                    .hasMessage("no name");
        }
        TrieAsserts.check(harness.cache, harness.ledger);
        assertThat(harness.stats().bytesRunning()).isZero();
    }

    @Test
    void anEvictionThatThrowsAnErrorLeavesNoRequestBehind() {
        harness = CacheHarness.of(150, Kind.SLICEABLE);
        harness.run("a", concat(range(0, 40), range(100, 120)));
        harness.run("b", concat(range(0, 40), range(200, 220)));
        harness.ledger.failure = OutOfMemoryError::new;
        harness.ledger.copiesUntilFailure = 0;
        assertThatThrownBy(() -> harness.begin("c", range(500, 600))).isInstanceOf(OutOfMemoryError.class);
        harness.ledger.copiesUntilFailure = -1;
        TrieAsserts.check(harness.cache, harness.ledger);
        assertThat(harness.stats().bytesRunning()).isZero();
        assertThat(harness.access.conversation("c"))
                .hasValueSatisfying(stats -> assertThat(stats.state()).isEqualTo(ConversationStats.State.IDLE));
        assertThat(harness.run("c", range(500, 600))).isZero();
    }

    @Test
    void whatIsHeldBetweenDraftsCountsUntilItIsGivenBack() {
        harness = CacheHarness.of(100, Kind.SLICEABLE);
        harness.run("idle", range(500, 530));
        CacheSession[] sessions = {harness.begin("a", range(0, 10)), harness.begin("b", range(50, 60))};
        harness.prefill(sessions[0], range(0, 10), 9);
        harness.prefill(sessions[1], range(50, 60), 9);
        long free = 100 - harness.cache.usage().bytesHeld() - harness.cache.usage().promisedBytes;
        assertThat(free).isBetween(0L, 69L);

        assertThat(sessions[0].lend(60)).as("what is idle makes room").isTrue();
        assertThat(harness.cache.usage().bytesHeld()).isLessThanOrEqualTo(40);
        assertThat(sessions[1].lend(60)).as("lent already").isFalse();
        assertThat(sessions[0].lend(40)).as("in place of what was lent before").isTrue();
        assertThat(sessions[1].hasRoom(60)).isFalse();
        assertThat(sessions[0].lend(1000)).as("more than there is").isFalse();
        assertThat(sessions[1].hasRoom(60)).as("given back").isTrue();
        sessions[1].close(Outcome.FAILED);

        assertThat(sessions[0].lend(60)).isTrue();
        sessions[0].close(Outcome.FINISHED);
        assertThat(harness.cache.usage().promisedBytes).isZero();
        assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(100);
    }
}
