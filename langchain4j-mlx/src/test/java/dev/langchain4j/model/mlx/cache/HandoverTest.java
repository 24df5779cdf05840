package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.kv.LayerCache;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is moved, what is copied, and what survives when a request stops early. */
class HandoverTest {
    private static final int[] PREFIX = range(0, 100);
    private CacheHarness harness = CacheHarness.of(1_000_000, Kind.SLICEABLE);

    @AfterEach
    void nothingLeaks() {
        harness.close();
    }

    private static int[] prompt(int conversation, int length) {
        return concat(PREFIX, range(1000 * conversation, 1000 * conversation + length));
    }

    @Test
    void aConversationThatContinuesGetsItsOwnBuffersBackWithNothingCopied() {
        int[] prompt = prompt(1, 20);
        CacheSession first = harness.begin("a", prompt);
        LayerCache buffers = first.layers().getFirst();
        harness.prefill(first, prompt, prompt.length - 1);
        harness.decode(first, prompt, 7, 8);
        first.close(Outcome.TOOL_CALL);
        for (int round = 0; round < 10; round++) {
            prompt = concat(
                    prompt, round == 0 ? new int[] {7, 8} : new int[0], range(50 * round + 300, 50 * round + 320));
            CacheSession next = harness.begin("a", prompt);
            assertThat(next.layers().getFirst()).isSameAs(buffers);
            harness.prefill(next, prompt, prompt.length - 1);
            harness.decode(next, prompt);
            next.close(Outcome.TOOL_CALL);
        }
        assertThat(harness.stats().bytesCopied()).isZero();
    }

    @Test
    void aBranchCopiesItsPrefixOnce() {
        harness.run("a", prompt(1, 20));
        assertThat(harness.run("b", prompt(2, 20))).isEqualTo(100);
        assertThat(harness.stats().bytesCopied()).isEqualTo(100);
        harness.run("a", prompt(1, 30));
        harness.run("b", prompt(2, 30));
        assertThat(harness.stats().bytesCopied()).isEqualTo(100);
    }

    @Test
    void aConversationThatLeavesItsOwnPathKeepsItsBuffersAndBothPaths() {
        harness.run("a", prompt(1, 20), range(5000, 5010), Outcome.FINISHED);
        CacheSession session = harness.begin("a", concat(prompt(1, 20), range(6000, 6010)));
        assertThat(session.resumePosition()).isEqualTo(120);
        session.close(Outcome.CANCELLED);
        assertThat(harness.stats().bytesCopied()).as("only what was cut off").isEqualTo(10);
        assertThat(harness.probe(concat(prompt(1, 20), range(5000, 5011)))).isEqualTo(130);
    }

    @Test
    void concurrentSequencesNeverSeeEachOthersWrites() {
        harness.run("a", PREFIX);
        int[][] prompts = {prompt(1, 40), prompt(2, 40), prompt(3, 40)};
        CacheSession[] sessions = new CacheSession[3];
        for (int i = 0; i < 3; i++) {
            sessions[i] = harness.begin("c" + i, prompts[i]);
            assertThat(sessions[i].resumePosition()).isEqualTo(100);
        }
        for (int to = 110; to < 140; to += 10) {
            for (int i = 0; i < 3; i++) {
                harness.prefill(sessions[i], prompts[i], to);
            }
        }
        for (int i = 0; i < 3; i++) {
            harness.prefill(sessions[i], prompts[i], 139);
            harness.decode(sessions[i], prompts[i], i, i + 1);
        }
        for (CacheSession session : sessions) {
            session.close(Outcome.FINISHED);
        }
        for (int i = 0; i < 3; i++) {
            assertThat(harness.probe(concat(prompts[i], new int[] {i, i + 1, 9})))
                    .isEqualTo(142);
        }
    }

    @Test
    void aRunningSequenceSharesItsSystemPrefix() {
        CacheSession running = harness.begin("a", prompt(1, 40), new Boundary(100, Tier.SYSTEM));
        harness.prefill(running, prompt(1, 40), 112);
        assertThat(harness.run("b", prompt(2, 10))).isEqualTo(100);
        running.close(Outcome.CANCELLED);
    }

    @Test
    void idleConversationsFoldBeforeAnythingIsEvicted() {
        int conversations = 8;
        restart(CacheHarness.of(100 + conversations * 20 + 120, Kind.SLICEABLE));
        for (int i = 1; i <= conversations; i++) {
            harness.run("c" + i, prompt(i, 20));
        }
        PromptCacheStats stats = harness.stats();
        assertThat(stats.folds()).isPositive();
        assertThat(stats.tiers().values())
                .allSatisfy(tier -> assertThat(tier.evictions()).isZero());
        assertThat(stats.tiers().get(Tier.ASSISTANT).tokens()).isEqualTo(100 + conversations * 20);
        for (int i = 1; i <= conversations; i++) {
            assertThat(harness.probe(concat(prompt(i, 20), new int[] {9}))).isEqualTo(120);
        }
    }

    @Test
    void foldedConversationsHoldTheSharedPrefixOnce() {
        int conversations = 8;
        restart(CacheHarness.of(100 + conversations * 20, Kind.SLICEABLE));
        for (int i = 1; i <= conversations; i++) {
            harness.run("c" + i, prompt(i, 20));
        }
        assertThat(harness.stats().bytesHeld()).isEqualTo(100 + conversations * 20);
        for (int i = 1; i <= conversations; i++) {
            assertThat(harness.probe(concat(prompt(i, 20), new int[] {9}))).isEqualTo(120);
        }
    }

    @Test
    void aCancelledPrefillResumesWhereItStopped() {
        CacheSession session = harness.begin("a", prompt(1, 100));
        harness.prefill(session, prompt(1, 100), 64);
        CacheHarness.feed(session, prompt(1, 100), 64, 70);
        session.close(Outcome.CANCELLED);
        assertThat(harness.probe(prompt(1, 100)))
                .as("up to the last evaluated chunk")
                .isEqualTo(64);
    }

    @Test
    void aCancelledAnswerKeepsWhatWasGenerated() {
        CacheSession session = harness.begin("a", prompt(1, 10));
        harness.prefill(session, prompt(1, 10), 109);
        harness.decode(session, prompt(1, 10), 71, 72);
        session.close(Outcome.CANCELLED);
        assertThat(harness.probe(concat(prompt(1, 10), new int[] {71, 72, 73}))).isEqualTo(112);
    }

    @Test
    void aTokenThatWasFedButNotRecordedIsCutOff() {
        CacheSession session = harness.begin("a", prompt(1, 10));
        harness.prefill(session, prompt(1, 10), 109);
        harness.decode(session, prompt(1, 10), 71);
        CacheHarness.feed(session, new int[] {99}, 0, 1);
        session.close(Outcome.FINISHED);
        assertThat(harness.probe(concat(prompt(1, 10), new int[] {71, 99, 1}))).isEqualTo(111);
    }

    @Test
    void aFailingSequenceIsDroppedAlone() {
        harness.run("a", prompt(1, 20));
        harness.run("b", prompt(2, 20));
        CacheSession failing = harness.begin("a", prompt(1, 40));
        harness.prefill(failing, prompt(1, 40), 130);
        failing.close();
        failing.close(Outcome.FINISHED);
        assertThat(harness.probe(prompt(1, 40))).isEqualTo(100);
        assertThat(harness.probe(prompt(2, 40))).isEqualTo(120);
    }

    @Test
    void aCopyThatFailsLeavesTheStoredPartUsable() {
        harness.run("a", prompt(1, 20));
        harness.ledger.copiesUntilFailure = 1;
        assertThatThrownBy(() -> harness.begin("b", prompt(2, 20))).hasMessage("out of memory");
        harness.ledger.copiesUntilFailure = -1;
        TrieAsserts.check(harness.cache, harness.ledger);
        assertThat(harness.run("b", prompt(2, 20))).isEqualTo(100);
    }

    @Test
    void aFoldThatFailsLosesThatSequenceOnly() {
        restart(CacheHarness.of(250, Kind.SLICEABLE));
        harness.run("a", prompt(1, 20));
        harness.run("b", prompt(2, 20));
        harness.ledger.copiesUntilFailure = 2;
        int[] prompt = range(9000, 9030);
        CacheSession session = harness.begin("c", prompt);
        harness.ledger.copiesUntilFailure = 0;
        harness.prefill(session, prompt, 29);
        harness.decode(session, prompt);
        session.close(Outcome.FINISHED);
        harness.ledger.copiesUntilFailure = -1;
        TrieAsserts.check(harness.cache, harness.ledger);
        assertThat(harness.probe(range(9000, 9031))).isEqualTo(30);
    }

    private void restart(CacheHarness other) {
        harness.close();
        harness = other;
    }
}
