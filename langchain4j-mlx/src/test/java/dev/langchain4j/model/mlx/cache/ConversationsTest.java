package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.ConversationStats.State;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a memory ID changes: statistics, eviction, forks, isolation; never what may be reused. */
class ConversationsTest {
    private static final int[] SYSTEM = range(0, 50);
    private CacheHarness harness = CacheHarness.of(1_000_000, Kind.SLICEABLE);

    @AfterEach
    void nothingLeaks() {
        harness.close();
    }

    private static int[] prompt(int conversation, int length) {
        return concat(SYSTEM, range(1000 * conversation, 1000 * conversation + length));
    }

    @Test
    void aConversationIsRunningThenInAToolLoopThenIdle() {
        CacheSession session = harness.begin("ann", prompt(1, 10));
        assertThat(harness.access.conversation("ann"))
                .hasValueSatisfying(stats -> assertThat(stats.state()).isEqualTo(State.RUNNING));
        harness.prefill(session, prompt(1, 10), 59);
        harness.decode(session, prompt(1, 10), 7);
        session.close(Outcome.TOOL_CALL);
        assertThat(harness.access.conversation("ann"))
                .contains(new ConversationStats(State.IN_TOOL_LOOP, 1, 60, 0, 61));
        harness.run("ann", concat(prompt(1, 10), new int[] {7, 8, 9}));
        assertThat(harness.access.conversation("ann")).contains(new ConversationStats(State.IDLE, 2, 123, 61, 63));
        assertThat(harness.access.conversation("bob")).isEmpty();
        assertThat(harness.stats().conversations()).isEqualTo(1);
    }

    @Test
    void anotherIdReusesTheSameTokensAndTheSameIdWithOtherTokensReusesNone() {
        harness.run("ann", prompt(1, 10));
        assertThat(harness.run("bob", prompt(1, 20))).isEqualTo(60);
        assertThat(harness.run("ann", range(7000, 7010))).isZero();
    }

    @Test
    void evictingAConversationFreesWhatOnlyItNeeds() {
        harness.run("ann", prompt(1, 10));
        harness.run("bob", prompt(2, 10));
        long freed = harness.access.evict("ann").join();
        assertThat(freed).isPositive();
        assertThat(harness.probe(prompt(1, 11))).isEqualTo(50);
        assertThat(harness.probe(prompt(2, 11))).isEqualTo(60);
        assertThat(harness.access.conversation("ann")).isEmpty();
        harness.access.evict("bob").join();
        assertThat(harness.access.evict("nobody").join()).isZero();
        assertThat(harness.probe(prompt(2, 11))).isEqualTo(50);
    }

    @Test
    void evictingAlsoFreesBranchesThatTheConversationLeft() {
        harness.run("ann", prompt(1, 10));
        harness.run("ann", prompt(2, 10));
        harness.access.evict("ann").join();
        assertThat(harness.probe(prompt(1, 11))).isZero();
        assertThat(harness.stats().bytesHeld()).isZero();
    }

    @Test
    void evictingARunningConversationLeavesItsRequestAloneAndFreesWhatItLeaves() {
        harness.run("bob", prompt(2, 10));
        int[] prompt = prompt(1, 30);
        CacheSession session = harness.begin("ann", prompt);
        harness.prefill(session, prompt, 70);
        harness.access.evict("ann").join();
        harness.prefill(session, prompt, 79);
        harness.decode(session, prompt, 7);
        session.close(Outcome.FINISHED);
        assertThat(harness.probe(concat(prompt, new int[] {7, 8}))).isEqualTo(50);
        assertThat(harness.probe(prompt(2, 11))).isEqualTo(60);
    }

    @Test
    void anEvictedConversationThatComesBackIsANewOne() {
        CacheSession session = harness.begin("ann", prompt(1, 30));
        harness.access.evict("ann").join();
        harness.run("ann", prompt(1, 30));
        session.close(Outcome.CANCELLED);
        assertThat(harness.probe(prompt(1, 31))).isEqualTo(80);
        assertThat(harness.access.conversation("ann"))
                .hasValueSatisfying(stats -> assertThat(stats.requests()).isEqualTo(1));
    }

    @Test
    void conversationsAreEvictedByWhatTheirIdSays() {
        for (int i = 1; i <= 4; i++) {
            harness.run(i, prompt(i, 10));
        }
        assertThat(harness.access.evictIf(id -> (int) id % 2 == 0).join()).isPositive();
        assertThat(harness.probe(prompt(1, 11))).isEqualTo(60);
        assertThat(harness.probe(prompt(2, 11))).isEqualTo(50);
        assertThat(harness.access.conversation(3)).isPresent();
        assertThat(harness.access.conversation(4)).isEmpty();
    }

    @Test
    void aForkStartsWithWhatItsParentHas() {
        harness.run("boss", prompt(1, 20), new int[] {7}, Outcome.TOOL_CALL);
        harness.access.fork("boss", "helper").join();
        assertThat(harness.run("helper", concat(prompt(1, 20), new int[] {7}, range(900, 910))))
                .isEqualTo(71);
        assertThat(harness.run("boss", concat(prompt(1, 20), new int[] {7}, range(800, 810))))
                .isEqualTo(71);
    }

    @Test
    void aParentIsKeptWhileItsChildIsExpected() {
        restart(CacheHarness.of(200, Kind.SLICEABLE));
        harness.run("boss", range(0, 80), new int[0], Outcome.FINISHED);
        harness.run("idle", range(1000, 1080), new int[0], Outcome.FINISHED);
        harness.access.fork("boss", "helper").join();
        harness.run("new", range(2000, 2080), new int[0], Outcome.FINISHED);
        assertThat(harness.probe(range(0, 81))).isEqualTo(80);
        assertThat(harness.probe(range(1000, 1081))).isEqualTo(40);
    }

    @Test
    void nothingIsItsOwnFork() {
        assertThatThrownBy(() -> harness.access.fork("a", "a")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void isolatedConversationsShareNothingEvenIfTheirTokensAreEqual() {
        harness.isolation = Isolation.PER_MEMORY_ID;
        harness.run("ann", prompt(1, 10));
        assertThat(harness.run("bob", prompt(1, 10))).isZero();
        assertThat(harness.run("ann", prompt(1, 20))).isEqualTo(60);
        assertThat(harness.run(null, prompt(1, 20))).isZero();
        assertThat(harness.run(null, prompt(1, 20))).isZero();
        harness.isolation = Isolation.SHARED;
        assertThat(harness.run("ann", prompt(1, 20))).isZero();
    }

    @Test
    void anIsolatedForkSharesWithItsParentOnly() {
        harness.isolation = Isolation.PER_MEMORY_ID;
        harness.run("boss", prompt(1, 10));
        harness.access.fork("boss", "helper").join();
        assertThat(harness.run("helper", prompt(1, 20))).isEqualTo(60);
        assertThat(harness.run("stranger", prompt(1, 20))).isZero();
    }

    @Test
    void withoutAnIdTheLongestMatchServesAndBuffersMoveAllTheSame() {
        Boundary user = new Boundary(60, Tier.USER);
        harness.run(null, prompt(1, 10), range(500, 510), Outcome.FINISHED, user);
        long copied = harness.stats().bytesCopied();
        harness.run(null, concat(prompt(1, 10), range(500, 510), range(600, 610)), new int[0], Outcome.FINISHED, user);
        assertThat(harness.stats().bytesCopied()).isEqualTo(copied);
        assertThat(harness.stats().conversations()).isEqualTo(1);
    }

    @Test
    void aConversationWhoseStateWasEvictedIsToldSo() {
        restart(CacheHarness.of(100, Kind.SLICEABLE));
        harness.run("ann", range(0, 60));
        harness.run("bob", range(1000, 1099));
        CacheSession session = harness.begin("ann", range(0, 61));
        assertThat(session.plan().reason()).isEqualTo(Reason.EVICTED);
        session.close(Outcome.CANCELLED);
    }

    @Test
    void placesWhereConversationsComeBackToAreLearned() {
        ReturnHabits habits = new ReturnHabits();
        double before = habits.probability(false, Conversation.Place.TURN);
        for (int i = 0; i < 1000; i++) {
            habits.observe(false, Conversation.Place.TURN);
        }
        assertThat(habits.probability(false, Conversation.Place.TURN))
                .isGreaterThan(before)
                .isGreaterThan(0.9);
        habits.observe(true, Conversation.Place.END);
        assertThat(habits.probability(true, Conversation.Place.END)).isBetween(0.8, 1.0);
    }

    private void restart(CacheHarness other) {
        harness.close();
        harness = other;
    }
}
