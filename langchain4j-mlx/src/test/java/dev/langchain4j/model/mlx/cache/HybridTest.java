package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Layers that can resume at kept positions only, alone and beside full attention. */
@ParameterizedClass
@EnumSource(HybridTest.Layout.class)
class HybridTest {
    private static final int[] SYSTEM = range(0, 50);
    private final Kind[] kinds;
    private CacheHarness harness;

    HybridTest(Layout layout) {
        kinds = layout.kinds;
        harness = CacheHarness.of(1_000_000, kinds);
    }

    enum Layout {
        WINDOW(Kind.WINDOW),
        RECURRENT(Kind.RECURRENT),
        HYBRID(Kind.SLICEABLE, Kind.RECURRENT),
        ALL(Kind.WINDOW, Kind.SLICEABLE, Kind.RECURRENT, Kind.SLICEABLE);

        private final Kind[] kinds;

        Layout(Kind... kinds) {
            this.kinds = kinds;
        }
    }

    @AfterEach
    void nothingLeaks() {
        harness.close();
    }

    private int run(Object conversation, int[] prompt, int[] generated) {
        return harness.run(conversation, prompt, generated, Outcome.TOOL_CALL, new Boundary(50, Tier.SYSTEM));
    }

    @Test
    void aConversationContinuesAtTheEndOfItsAnswer() {
        int[] prompt = concat(SYSTEM, range(100, 120));
        run("a", prompt, range(500, 505));
        assertThat(run("a", concat(prompt, range(500, 505), range(600, 610)), range(0, 1)))
                .isEqualTo(75);
    }

    @Test
    void anotherConversationResumesAtTheEndOfTheSystemMessage() {
        run("a", concat(SYSTEM, range(100, 120)), range(500, 505));
        assertThat(run("b", concat(SYSTEM, range(200, 220)), range(500, 505))).isEqualTo(50);
    }

    @Test
    void theSamePromptResumesBeforeItsLastToken() {
        int[] prompt = concat(SYSTEM, range(100, 120));
        run("a", prompt, range(500, 505));
        assertThat(run("a", prompt, range(500, 505))).isEqualTo(69);
    }

    /**
     * The last token of a prompt is fed alone: with whole chunks nothing that ends with it is kept, wherever another
     * one stops.
     */
    @Test
    void aPromptThatEndsWithAChunkOfALongerOneKeepsWhatIsBeforeThatChunk() {
        restart(new CacheHarness(CacheLimits.ofBytes(1_000_000), 4, harness.chunkTokens, kinds));
        int[] prompt = range(0, 4 * harness.chunkTokens);
        harness.run("a", concat(prompt, range(100, 120)));
        CacheSession session = harness.begin("b", prompt, new Boundary(prompt.length, Tier.USER));
        harness.cache.evict("a"::equals);
        harness.prefill(session, prompt, prompt.length - 1);
        harness.decode(session, prompt, 500, 501);
        session.close(Outcome.FINISHED);
        assertThat(harness.run("c", concat(prompt, range(200, 210)), new int[0], Outcome.FINISHED))
                .isEqualTo(3 * harness.chunkTokens);
    }

    @Test
    void anAnswerThatIsDroppedResumesAtTheEndOfThePrompt() {
        int[] prompt = concat(SYSTEM, range(100, 120));
        run("a", prompt, range(500, 505));
        assertThat(run("a", concat(prompt, range(900, 910)), new int[0])).isEqualTo(70);
    }

    @Test
    void aDivergenceWithoutACheckpointIsExplainedAndRemembered() {
        run("a", concat(SYSTEM, range(100, 120)), new int[0]);
        int[] other = concat(SYSTEM, range(100, 110), range(300, 310));
        CacheSession session = harness.begin("b", other, new Boundary(50, Tier.SYSTEM));
        assertThat(session.plan()).isEqualTo(new ReusePlan(50, 60, Reason.NO_CHECKPOINT, 110, 300));
        assertThat(session.nextCheckpoint(50)).isEqualTo(60);
        harness.prefill(session, other, other.length - 1);
        harness.decode(session, other);
        session.close(Outcome.FINISHED);
        assertThat(run("c", concat(SYSTEM, range(100, 110), range(700, 710)), new int[0]))
                .as("the branch point has a checkpoint now")
                .isEqualTo(60);
    }

    @Test
    void longPromptsHaveCheckpointsOnAPowerOfTwoLattice() {
        restart(new CacheHarness(new CacheLimits(1_000_000, Integer.MAX_VALUE, Duration.ofHours(1), 10), 4, kinds));
        int[] prompt = range(0, 1000);
        harness.run("a", prompt);
        for (int branch : new int[] {997, 985, 640, 321}) {
            int reused = harness.probe(concat(range(0, branch), range(5000, 5010)));
            assertThat(branch - reused)
                    .as("lost at %d", branch)
                    .isBetween(0, Math.max(10, 2 * (1000 - branch) / 4 + 10));
        }
        long states = harness.access
                .dump()
                .join()
                .lines()
                .filter(line -> line.contains("state"))
                .count();
        assertThat(states).as("states kept, of 100").isLessThan(40);
    }

    @Test
    void aBranchTakesTheStateOfASequenceAtRestByCopying() {
        int[] prompt = concat(SYSTEM, range(100, 120));
        run("parent", prompt, range(500, 505));
        int[] end = concat(prompt, range(500, 505));
        CacheSession child = harness.begin("child", concat(end, range(800, 810)));
        CacheSession parent = harness.begin("parent", concat(end, range(900, 910)));
        harness.prefill(child, concat(end, range(800, 810)), 80);
        assertThat(child.resumePosition()).isEqualTo(75);
        assertThat(parent.resumePosition()).isGreaterThanOrEqualTo(70);
        child.close(Outcome.CANCELLED);
        parent.close(Outcome.CANCELLED);
    }

    @Test
    void aCancelledPrefillResumesAtItsLastCheckpoint() {
        int[] prompt = concat(SYSTEM, range(100, 200));
        CacheSession session = harness.begin("a", prompt, new Boundary(50, Tier.SYSTEM));
        harness.prefill(session, prompt, 96);
        CacheHarness.feed(session, prompt, 96, 99);
        session.close(Outcome.CANCELLED);
        assertThat(harness.probe(prompt)).isEqualTo(50);
    }

    @Test
    void aCancelBetweenChunksResumesExactlyThere() {
        int[] prompt = concat(SYSTEM, range(100, 200));
        CacheSession session = harness.begin("a", prompt, new Boundary(50, Tier.SYSTEM));
        harness.prefill(session, prompt, 96);
        session.close(Outcome.CANCELLED);
        assertThat(harness.probe(prompt)).isEqualTo(96);
    }

    @Test
    void whatNobodyCanResumeIsNotKept() {
        int[] prompt = range(0, 30);
        CacheSession session = harness.begin("a", prompt);
        CacheHarness.feed(session, prompt, 0, 5);
        session.close(Outcome.CANCELLED);
        assertThat(harness.stats().bytesHeld()).isZero();
        assertThat(harness.entries()).isZero();
    }

    @Test
    void limitsHoldUnderPressure() {
        restart(CacheHarness.of(400, kinds));
        for (int i = 0; i < 30; i++) {
            run("c" + i % 7, concat(SYSTEM, range(100 * i, 100 * i + 30)), range(9000, 9005));
            assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(400);
            TrieAsserts.check(harness.cache, harness.ledger);
        }
    }

    private void restart(CacheHarness other) {
        harness.close();
        harness = other;
    }
}
