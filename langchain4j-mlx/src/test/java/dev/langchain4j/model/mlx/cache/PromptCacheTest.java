package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is found, kept, refused and evicted, for full attention. */
class PromptCacheTest {
    private static final long ROOMY = 1_000_000;
    private CacheHarness harness = CacheHarness.of(ROOMY, Kind.SLICEABLE);

    @AfterEach
    void nothingLeaks() {
        harness.close();
    }

    private ReusePlan planOf(Object conversation, int... prompt) {
        CacheSession session = harness.begin(conversation, prompt);
        session.close(Outcome.CANCELLED);
        return session.plan();
    }

    @Test
    void anEmptyCacheReusesNothing() {
        assertThat(planOf("a", 1, 2, 3)).isEqualTo(new ReusePlan(0, 0, Reason.NEW, -1, 1));
    }

    @Test
    void aPromptThatGoesOnReusesAllThatIsStored() {
        harness.run("a", range(0, 24), range(100, 103), Outcome.TOOL_CALL);
        int[] next = concat(range(0, 24), range(100, 103), range(200, 205));
        assertThat(planOf("a", next)).isEqualTo(new ReusePlan(27, 27, Reason.CONTINUED, -1, 200));
    }

    @Test
    void anExtensionLeavesOneEntryNotTwo() {
        harness.run("a", range(0, 24));
        assertThat(harness.entries()).isEqualTo(1);
        harness.run("a", range(0, 32));
        assertThat(harness.entries()).isEqualTo(1);
        assertThat(harness.stats().bytesHeld()).isEqualTo(32);
    }

    @Test
    void aDivergingPromptReusesTheCommonPartAndKeepsBothBranches() {
        harness.run("a", range(0, 32));
        int[] other = concat(range(0, 26), range(500, 508));
        assertThat(harness.run("b", other)).isEqualTo(26);
        assertThat(harness.entries()).isEqualTo(2);
        assertThat(harness.probe(concat(range(0, 32), new int[] {7}))).isEqualTo(32);
        assertThat(harness.probe(concat(other, new int[] {7}))).isEqualTo(34);
    }

    @Test
    void theWholePromptLeavesItsLastTokenToPrefill() {
        harness.run("a", range(0, 10));
        assertThat(planOf("b", range(0, 10))).isEqualTo(new ReusePlan(9, 10, Reason.WHOLE_PROMPT, -1, -1));
        assertThat(planOf("b", range(0, 5))).isEqualTo(new ReusePlan(4, 5, Reason.WHOLE_PROMPT, 5, -1));
    }

    @Test
    void aPrefixOfOneTokenCounts() {
        harness.run("a", 1, 2, 3);
        assertThat(planOf("b", 1, 9)).isEqualTo(new ReusePlan(1, 1, Reason.DIVERGED, 2, 9));
    }

    @Test
    void aPromptOfOneTokenIsComputed() {
        harness.run("a", 1);
        assertThat(harness.run("a", 1)).isZero();
    }

    @Test
    void aDifferentFirstTokenReusesNothing() {
        harness.run("a", 1, 2, 3);
        assertThat(planOf("b", 9, 2, 3).resumePosition()).isZero();
    }

    @Test
    void aPromptWithoutTokensIsRefused() {
        assertThatThrownBy(() -> harness.begin("a", new int[0]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("tokens");
    }

    @Test
    void modelsNeverShare() {
        harness.run("a", range(0, 10));
        harness.key = CacheKey.of("another", "float32");
        assertThat(harness.run("a", range(0, 10))).isZero();
        harness.key = CacheKey.of("model", "q8");
        assertThat(harness.run("a", range(0, 10))).isZero();
        harness.key = CacheHarness.KEY;
        assertThat(harness.probe(range(0, 11))).isEqualTo(10);
    }

    @Test
    void limitsHoldOverAllModels() {
        restart(CacheHarness.ofEntries(2, Kind.SLICEABLE));
        harness.run("a", 1, 2);
        harness.key = CacheKey.of("another", "float32");
        harness.run("b", 3, 4);
        harness.run("c", 5, 6);
        assertThat(harness.entries()).isEqualTo(2);
        harness.key = CacheHarness.KEY;
        assertThat(harness.probe(1, 2, 3)).isZero();
    }

    @Test
    void theOldestEntryGoesFirst() {
        restart(CacheHarness.ofEntries(2, Kind.SLICEABLE));
        harness.run("a", 1, 2);
        harness.run("b", 3, 4);
        harness.run("c", 5, 6);
        assertThat(harness.entries()).isEqualTo(2);
        assertThat(harness.probe(1, 2, 9)).isZero();
        assertThat(harness.probe(3, 4, 9)).isEqualTo(2);
        assertThat(harness.probe(5, 6, 9)).isEqualTo(2);
    }

    @Test
    void fetchingIsAUse() {
        restart(CacheHarness.ofEntries(2, Kind.SLICEABLE));
        harness.run("a", 1, 2);
        harness.run("b", 3, 4);
        harness.run("a", 1, 2);
        harness.run("c", 5, 6);
        assertThat(harness.probe(1, 2, 9)).isEqualTo(2);
        assertThat(harness.probe(3, 4, 9)).isZero();
    }

    @Test
    void bytesAreLimitedAndTheOldestBytesGo() {
        restart(CacheHarness.of(10, Kind.SLICEABLE));
        for (int i = 0; i < 4; i++) {
            harness.run("c" + i, range(10 * i, 10 * i + 3));
            assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(10);
        }
        assertThat(harness.probe(range(30, 34))).isEqualTo(3);
        assertThat(harness.probe(range(20, 24))).isEqualTo(3);
        assertThat(harness.probe(range(0, 4))).isLessThan(3);
    }

    @Test
    void trimmingFreesTheOldestBytesAndSparesWhatRuns() {
        restart(CacheHarness.of(100, Kind.SLICEABLE));
        for (int i = 0; i < 3; i++) {
            harness.run("c" + i, range(10 * i, 10 * i + 3));
        }
        assertThat(harness.access.trimTo(9).join()).isZero();
        assertThat(harness.access.trimTo(7).join()).isEqualTo(2);
        assertThat(harness.probe(range(10, 14))).isEqualTo(3);
        CacheSession session = harness.begin("c2", range(20, 25));
        assertThat(harness.access.trimTo(0).join()).isEqualTo(4);
        assertThat(harness.stats().bytesHeld()).isEqualTo(3);
        session.close(Outcome.CANCELLED);
        assertThat(harness.access.trimTo(0).join()).isEqualTo(3);
        assertThatThrownBy(() -> harness.access.trimTo(-1)).hasMessage("bytes (-1) must not be negative");
    }

    @Test
    void noMoreOfAnEntryIsEvictedThanIsNeeded() {
        restart(CacheHarness.of(100, Kind.SLICEABLE));
        harness.run("a", range(0, 60));
        harness.run("b", range(1000, 1050));
        assertThat(harness.stats().bytesHeld()).isEqualTo(100);
        assertThat(harness.probe(range(0, 70))).isEqualTo(50);
    }

    @Test
    void whatIsLargerThanTheLimitIsRefusedBeforeAnythingIsEvicted() {
        restart(CacheHarness.of(100, Kind.SLICEABLE));
        harness.run("a", range(0, 60));
        CacheSession big = harness.begin("b", range(1000, 1200));
        assertThat(big.plan().reason()).isEqualTo(Reason.DISABLED);
        harness.prefill(big, range(1000, 1200), 199);
        harness.decode(big, range(1000, 1200));
        big.close(Outcome.FINISHED);
        assertThat(harness.stats().refused()).isEqualTo(1);
        assertThat(harness.stats().bytesHeld()).isEqualTo(60);
        assertThat(harness.probe(range(0, 61))).isEqualTo(60);
    }

    @Test
    void theNewestInsertionDoesNotEvictItself() {
        restart(CacheHarness.of(100, Kind.SLICEABLE));
        harness.run("a", range(0, 50));
        harness.run("a", range(100, 150));
        harness.run("b", range(200, 295));
        assertThat(harness.probe(range(200, 296))).isEqualTo(95);
    }

    @Test
    void noEntriesMeansNoCache() {
        restart(CacheHarness.ofEntries(0, Kind.SLICEABLE));
        harness.run("a", range(0, 10));
        assertThat(planOf("a", range(0, 11))).isEqualTo(new ReusePlan(0, 0, Reason.DISABLED, -1, 0));
        assertThat(harness.stats().bytesHeld()).isZero();
    }

    @Test
    void whatLiesUnusedForTooLongIsDropped() {
        restart(new CacheHarness(new CacheLimits(ROOMY, 100, Duration.ofSeconds(10), 1024), 4, Kind.SLICEABLE));
        harness.run("a", range(0, 10));
        harness.nanos += Duration.ofSeconds(6).toNanos();
        harness.run("b", range(100, 110));
        harness.nanos += Duration.ofSeconds(6).toNanos();
        harness.run("c", range(200, 210));
        assertThat(harness.probe(range(0, 11))).isZero();
        assertThat(harness.probe(range(100, 111))).isEqualTo(10);
    }

    @Test
    void userEntriesOutliveAssistantEntriesThatNobodyWaitsFor() {
        restart(CacheHarness.of(100, Kind.SLICEABLE));
        int[] prompt = range(0, 40);
        harness.run(
                "a",
                prompt,
                range(500, 520),
                Outcome.FINISHED,
                new Boundary(20, Tier.SYSTEM),
                new Boundary(40, Tier.USER));
        harness.run("b", range(1000, 1060));
        assertThat(harness.probe(concat(prompt, new int[] {7}))).isEqualTo(40);
        assertThat(harness.probe(concat(prompt, range(500, 521)))).isLessThan(60);
    }

    @Test
    void aConversationInAToolLoopOutlivesIdleOnes() {
        restart(CacheHarness.of(100, Kind.SLICEABLE));
        harness.run("tools", range(0, 40), new int[0], Outcome.TOOL_CALL);
        harness.run("idle", range(100, 140), new int[0], Outcome.FINISHED);
        harness.run("new", range(200, 240), new int[0], Outcome.FINISHED);
        assertThat(harness.probe(range(0, 41))).isEqualTo(40);
        assertThat(harness.probe(range(100, 141))).isEqualTo(20);
    }

    @Test
    void livenessIsAPreferenceAndNoPin() {
        restart(CacheHarness.of(100, Kind.SLICEABLE));
        for (int i = 0; i < 5; i++) {
            harness.run("tools" + i, range(100 * i, 100 * i + 40), new int[0], Outcome.TOOL_CALL);
            assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(100);
        }
        assertThat(harness.probe(range(400, 441))).isEqualTo(40);
        assertThat(harness.probe(range(0, 41))).isZero();
    }

    @Test
    void runningSequencesCountAndAreNotEvicted() {
        restart(CacheHarness.of(100, Kind.SLICEABLE));
        harness.run("a", range(0, 60));
        int[] prompt = range(200, 280);
        CacheSession running = harness.begin("b", prompt);
        harness.prefill(running, prompt, 79);
        assertThat(harness.stats().bytesRunning()).isEqualTo(79);
        assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(100);
        harness.decode(running, prompt);
        running.close(Outcome.FINISHED);
        assertThat(harness.stats().bytesRunning()).isZero();
        assertThat(harness.probe(range(200, 281))).isEqualTo(80);
    }

    @Test
    void statisticsTellTiersApart() {
        int[] prompt = range(0, 40);
        harness.run(
                "a",
                prompt,
                range(500, 510),
                Outcome.FINISHED,
                new Boundary(20, Tier.SYSTEM),
                new Boundary(30, Tier.USER));
        PromptCacheStats stats = harness.stats();
        assertThat(stats.tiers().get(Tier.SYSTEM).tokens()).isEqualTo(20);
        assertThat(stats.tiers().get(Tier.USER).tokens()).isEqualTo(10);
        assertThat(stats.tiers().get(Tier.ASSISTANT).tokens()).isEqualTo(20);
        assertThat(stats.tiers().get(Tier.ASSISTANT).entries()).isEqualTo(1);
        harness.run(
                "b",
                concat(range(0, 20), range(900, 910)),
                new int[0],
                Outcome.FINISHED,
                new Boundary(20, Tier.SYSTEM));
        stats = harness.stats();
        assertThat(stats.tiers().get(Tier.SYSTEM).hits()).isEqualTo(1);
        assertThat(stats.requests()).isEqualTo(2);
        assertThat(stats.promptTokens()).isEqualTo(70);
        assertThat(stats.cachedTokens()).isEqualTo(20);
    }

    @Test
    void theDumpShowsPositionsAndOwners() {
        harness.run("ann", range(0, 40), range(500, 510), Outcome.FINISHED, new Boundary(20, Tier.SYSTEM));
        assertThat(harness.access.dump().join())
                .contains("[0, 20) system, in 1 sequence, by ann")
                .contains("[20, 50) assistant")
                .contains("at rest 50 B");
    }

    @Test
    void aClosedCacheLeavesNothingAndRefusesWork() {
        int[] prompt = range(100, 120);
        harness.run("a", range(0, 10));
        CacheSession open = harness.begin("b", prompt);
        harness.prefill(open, prompt, 19);
        harness.cache.close();
        harness.cache.close();
        assertThat(harness.stats().bytesHeld()).isZero();
        open.close(Outcome.FINISHED);
        assertThat(harness.ledger.open).isZero();
        assertThatThrownBy(() -> harness.begin("a", prompt)).isInstanceOf(NonRetriableException.class);
    }

    @Test
    void aCheckpointOutsideOfThePromptIsAMistake() {
        int[] prompt = range(0, 4);
        CacheSession session = harness.begin("a", prompt);
        CacheHarness.feed(session, range(0, 9), 0, 9);
        assertThatThrownBy(session::checkpoint)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("[0, 4]");
        session.close(Outcome.FAILED);
    }

    private void restart(CacheHarness other) {
        harness.close();
        harness = other;
    }
}
