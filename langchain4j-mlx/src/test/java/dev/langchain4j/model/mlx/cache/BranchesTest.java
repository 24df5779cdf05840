package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Prompts that branch, come back, stop early and lose their place, on each kind of layers. */
@ParameterizedClass
@EnumSource(BranchesTest.Layout.class)
class BranchesTest {
    private static final int[] PREFIX = range(0, 40);
    private final Kind[] kinds;
    private CacheHarness harness;

    enum Layout {
        FULL(Kind.SLICEABLE),
        WINDOW(Kind.WINDOW),
        RECURRENT(Kind.RECURRENT),
        HYBRID(Kind.SLICEABLE, Kind.RECURRENT);

        private final Kind[] kinds;

        Layout(Kind... kinds) {
            this.kinds = kinds;
        }
    }

    BranchesTest(Layout layout) {
        kinds = layout.kinds;
        harness = CacheHarness.of(1_000_000, kinds);
    }

    @AfterEach
    void nothingLeaks() {
        harness.close();
    }

    private boolean full() {
        return kinds.length == 1 && kinds[0] == Kind.SLICEABLE;
    }

    private static int[] branch(int number, int length) {
        return concat(PREFIX, range(1000 * number, 1000 * number + length));
    }

    @Test
    void threeTurnsOfAConversationComputeOnlyWhatIsNew() {
        int[] prompt = branch(1, 10);
        harness.run("a", prompt, range(500, 505), Outcome.FINISHED);
        for (int turn = 0; turn < 3; turn++) {
            prompt = concat(prompt, range(500, 505), range(600 + 10 * turn, 604 + 10 * turn));
            assertThat(prompt.length - harness.run("a", prompt, range(500, 505), Outcome.FINISHED))
                    .isEqualTo(4);
        }
    }

    @Test
    void anUnknownBranchIsMarkedTheFirstTimeAndResumedTheNext() {
        assertThat(harness.run("a", branch(1, 8))).isZero();
        int first = harness.run("b", branch(2, 8));
        assertThat(first).isEqualTo(full() ? 40 : 0);
        assertThat(harness.run("c", branch(3, 8))).isEqualTo(40);
        assertThat(harness.run("a", concat(branch(1, 8), range(7, 9)))).isEqualTo(48);
    }

    @Test
    void branchesOfBranchesKeepTheirOwnTokens() {
        int[] prompt = PREFIX;
        harness.run("root", prompt);
        for (int depth = 1; depth <= 5; depth++) {
            int[] left = concat(prompt, range(100 * depth, 100 * depth + 6));
            int[] right = concat(prompt, range(100 * depth + 50, 100 * depth + 56));
            harness.run("l" + depth, left);
            harness.run("r" + depth, right);
            assertThat(harness.probe(concat(left, new int[] {9}))).isEqualTo(left.length);
            assertThat(harness.probe(concat(right, new int[] {9}))).isEqualTo(right.length);
            prompt = right;
        }
    }

    @Test
    void takingTurnsBetweenBranchesRestoresTheTokensOfEach() {
        int[][] prompts = {branch(1, 5), branch(2, 5)};
        harness.run("c0", prompts[0]);
        harness.run("c1", prompts[1]);
        for (int turn = 0; turn < 6; turn++) {
            int c = turn % 2;
            int before = prompts[c].length;
            prompts[c] = concat(prompts[c], range(10 * turn, 10 * turn + 3));
            assertThat(harness.run("c" + c, prompts[c])).isEqualTo(before);
        }
    }

    @Test
    void aCancelledPrefillGoesOnWhereItStopped() {
        int[] prompt = branch(1, 100);
        int reached = 0;
        for (int stop : new int[] {32, 64, 96, 128}) {
            CacheSession session = harness.begin("a", prompt);
            assertThat(session.resumePosition()).isEqualTo(reached);
            harness.prefill(session, prompt, stop);
            session.close(Outcome.CANCELLED);
            reached = stop;
        }
        assertThat(harness.run("a", prompt)).isEqualTo(128);
    }

    @Test
    void aCancelledPrefillServesAnotherThatLeavesItsPathUpToItsLastState() {
        int[] prompt = branch(1, 100);
        CacheSession session = harness.begin("a", prompt, new Boundary(40, Tier.SYSTEM));
        harness.prefill(session, prompt, 96);
        session.close(Outcome.CANCELLED);
        int[] other = concat(branch(1, 30), range(5000, 5010));
        assertThat(harness.run("b", other, new int[0], Outcome.FINISHED, new Boundary(40, Tier.SYSTEM)))
                .isEqualTo(full() ? 70 : 40);
    }

    @Test
    void aSharedPrefixOutlivesTheConversationsThatShareIt() {
        harness.close();
        harness = CacheHarness.of(full() ? 90 : 140, kinds);
        for (int i = 1; i <= 12; i++) {
            harness.run("c" + i, branch(i, 20), new int[0], Outcome.FINISHED, new Boundary(PREFIX.length, Tier.SYSTEM));
            assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(full() ? 90 : 140);
            assertThat(harness.probe(concat(PREFIX, new int[] {9}))).isEqualTo(40);
        }
    }

    @Test
    void afterAllIsEvictedTheCacheIsAsNew() {
        for (int i = 1; i <= 3; i++) {
            harness.run("c" + i, branch(i, 20));
        }
        assertThat(harness.access.evictIf(id -> true).join()).isPositive();
        // What two conversations shared is nobody's alone; the limit of idle time takes it.
        harness.nanos += Duration.ofHours(2).toNanos();
        harness.run("x", range(9000, 9001));
        assertThat(harness.probe(branch(1, 20))).isZero();
        assertThat(harness.run("c1", branch(1, 20))).isZero();
        assertThat(harness.probe(branch(1, 21))).isEqualTo(60);
    }

    @Test
    void aLookupUsesOnlyThePathThatItTakes() {
        harness.run("a", branch(1, 20), new int[0], Outcome.FINISHED, new Boundary(40, Tier.SYSTEM));
        harness.run("b", branch(2, 20), new int[0], Outcome.FINISHED, new Boundary(40, Tier.SYSTEM));
        harness.run("b", branch(2, 30), new int[0], Outcome.FINISHED, new Boundary(40, Tier.SYSTEM));
        PrefixTrie trie = harness.cache.sharedTrie(CacheHarness.KEY);
        long system = trie.match(PREFIX).node().usedTick;
        long left = trie.match(branch(1, 20)).node().usedTick;
        long right = trie.match(branch(2, 20)).node().usedTick;
        assertThat(system).isEqualTo(3);
        assertThat(right).isEqualTo(3);
        assertThat(left).isEqualTo(1);
    }
}
