package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is computed of prompts that nobody asked for yet, and what it may cost others: nothing. */
class ComputedAheadTest {
    private static final int[] PROMPT = range(0, 100);
    private static final int[] REASONING = range(1000, 1150);
    private static final int[] ANSWER = range(2000, 2050);
    /** What the template makes of the turn once it is old. */
    private static final int[] REWRITTEN = concat(PROMPT, ANSWER);

    private CacheHarness harness = CacheHarness.of(1_000_000, Kind.SLICEABLE);

    @AfterEach
    void nothingLeaks() {
        harness.close();
    }

    private void restart(CacheHarness other) {
        harness.close();
        harness = other;
    }

    private void turn(Object conversation) {
        harness.run(
                conversation,
                PROMPT,
                concat(REASONING, ANSWER),
                Outcome.FINISHED,
                new Boundary(40, Tier.SYSTEM),
                new Boundary(95, Tier.USER));
    }

    private CacheSession ahead(Object conversation, int[] beginning, int tokensMin) {
        int[] tokens = concat(beginning, new int[] {9});
        List<Boundary> boundaries = List.of(new Boundary(40, Tier.SYSTEM), new Boundary(95, Tier.USER));
        CacheSession session = harness.cache.beginAhead(
                new CacheRequest(harness.key, tokens, boundaries, conversation, harness.isolation, harness.layers),
                tokensMin);
        if (session != null) {
            CacheHarness.assertHolds(session, tokens, session.resumePosition());
        }
        return session;
    }

    private void compute(CacheSession session, int[] beginning) {
        harness.prefill(session, beginning, beginning.length);
        session.close(Outcome.CANCELLED);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void theNextTurnCostsItsOwnTokens(Kind kind) {
        restart(CacheHarness.of(1_000_000, kind));
        turn("a");
        int[] next = concat(REWRITTEN, range(3000, 3020));
        assertThat(harness.probe(next))
                .as("without it the whole turn is computed again")
                .isLessThanOrEqualTo(100);
        compute(ahead("a", REWRITTEN, 32), REWRITTEN);
        assertThat(harness.probe(next)).isEqualTo(150);
        assertThat(harness.run("a", next)).isEqualTo(150);
        AheadStats stats = harness.cache.aheadStats();
        assertThat(stats.finished()).isEqualTo(1);
        assertThat(stats.stopped()).isZero();
        assertThat(stats.reusedTokens()).isEqualTo(stats.tokens()).isGreaterThanOrEqualTo(50);
    }

    @Test
    void itGoesOnInTheConversationsOwnBuffersAndCopiesNothing() {
        CacheSession first = harness.begin("a", PROMPT);
        LayerCache buffers = first.layers().getFirst();
        harness.prefill(first, PROMPT, 99);
        harness.decode(first, PROMPT, concat(REASONING, ANSWER));
        first.close(Outcome.FINISHED);
        long held = harness.stats().bytesHeld();
        CacheSession session = ahead("a", REWRITTEN, 32);
        assertThat(session.layers().getFirst()).isSameAs(buffers);
        compute(session, REWRITTEN);
        assertThat(harness.stats().bytesCopied()).isZero();
        assertThat(harness.stats().bytesHeld()).isLessThanOrEqualTo(held);
    }

    /** What an earlier run computed ahead, and wrote, is restored while the model is idle. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void whatIsOnDiskIsRestoredAndNotComputed(Kind kind, @TempDir Path folder) {
        DiskLimits limits = DiskLimits.ofBytes(1 << 26);
        restart(CacheHarness.of(1_000_000, Kind.SLICEABLE, kind).onDisk(folder, limits));
        harness.run("a", REWRITTEN);
        harness.close();
        harness = CacheHarness.of(1_000_000, Kind.SLICEABLE, kind).onDisk(folder, limits);
        turn("a");
        CacheSession session = ahead("a", REWRITTEN, 32);
        assertThat(session.isRestoring()).isTrue();
        int restored = CacheHarness.restore(session, REWRITTEN);
        assertThat(restored).isGreaterThan(120);
        compute(session, REWRITTEN);
        AheadStats stats = harness.cache.aheadStats();
        assertThat(stats.finished()).isEqualTo(1);
        assertThat(stats.tokens()).as("computed").isEqualTo(REWRITTEN.length - restored);
        assertThat(harness.run("a", concat(REWRITTEN, range(3000, 3020)))).isEqualTo(REWRITTEN.length);
        assertThat(harness.cache.aheadStats().reusedTokens()).isEqualTo(stats.tokens());
    }

    @Test
    void whatIsThereOrTooShortIsNotComputed() {
        turn("a");
        assertThat(ahead("a", concat(PROMPT, REASONING), 32)).isNull();
        assertThat(ahead("a", concat(PROMPT, REASONING, ANSWER, range(9, 20)), 32))
                .isNull();
        assertThat(ahead("nobody", REWRITTEN, 32)).isNull();
        assertThat(harness.cache.aheadStats()).isEqualTo(AheadStats.NONE);
    }

    @Test
    void aRequestStopsItAndUsesWhatWasComputed() {
        turn("a");
        CacheSession session = ahead("a", REWRITTEN, 32);
        harness.prefill(session, REWRITTEN, 128);
        CacheSession request = harness.begin("b", range(5000, 5010));
        assertThat(session.isClosed()).isTrue();
        request.close(Outcome.CANCELLED);
        assertThat(harness.run("a", concat(REWRITTEN, range(3000, 3020)))).isEqualTo(128);
        AheadStats stats = harness.cache.aheadStats();
        assertThat(stats.stopped()).isEqualTo(1);
        assertThat(stats.tokens()).isEqualTo(28);
        assertThat(stats.reusedTokens()).isEqualTo(28);
    }

    @Test
    void itIsNoRequestAndNothingIsLearnedFromIt() {
        turn("a");
        PromptCacheStats before = harness.stats();
        ConversationStats conversation = harness.access.conversation("a").orElseThrow();
        compute(ahead("a", REWRITTEN, 32), REWRITTEN);
        assertThat(harness.stats().requests()).isEqualTo(before.requests());
        assertThat(harness.stats().promptTokens()).isEqualTo(before.promptTokens());
        assertThat(harness.stats().cachedTokens()).isEqualTo(before.cachedTokens());
        ConversationStats after = harness.access.conversation("a").orElseThrow();
        assertThat(after.requests()).isEqualTo(conversation.requests());
        assertThat(after.state()).isEqualTo(conversation.state());
    }

    @Test
    void whatAnotherConversationNeedsOfTheOldTurnStays() {
        turn("a");
        int[] branch = concat(PROMPT, REASONING, range(4000, 4010));
        assertThat(harness.run("b", branch)).isEqualTo(250);
        compute(ahead("a", REWRITTEN, 32), REWRITTEN);
        assertThat(harness.probe(concat(branch, new int[] {9}))).isEqualTo(260);
        assertThat(harness.probe(concat(REWRITTEN, new int[] {9}))).isEqualTo(150);
    }

    @Test
    void nothingIsEvictedForIt() {
        // What others hold leaves room for a few tokens only; the old turn's place is free.
        restart(CacheHarness.of(700, Kind.SLICEABLE));
        turn("a");
        harness.run("b", range(5000, 5390));
        long evictions = evictions();
        compute(ahead("a", REWRITTEN, 32), REWRITTEN);
        int[] longer = concat(PROMPT, range(6000, 6400));
        assertThat(ahead("a", longer, 32)).as("400 more tokens than there are").isNull();
        assertThat(evictions()).isEqualTo(evictions);
        assertThat(harness.probe(concat(range(5000, 5390), new int[] {9}))).isEqualTo(390);
        assertThat(harness.probe(concat(REWRITTEN, new int[] {9}))).isEqualTo(150);
    }

    @Test
    void aConversationThatIsEvictedMeanwhileLeavesNothing() {
        turn("a");
        CacheSession session = ahead("a", REWRITTEN, 32);
        harness.prefill(session, REWRITTEN, 128);
        harness.cache.evict("a"::equals);
        assertThat(session.isClosed()).isTrue();
        assertThat(harness.stats().bytesHeld()).isZero();
        session.close(Outcome.CANCELLED);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aCacheThatIsClearedOrClosedMeanwhileHoldsNothing(boolean cleared) {
        turn("a");
        CacheSession session = ahead("a", REWRITTEN, 32);
        harness.prefill(session, REWRITTEN, 128);
        if (cleared) {
            harness.cache.clear();
        } else {
            harness.cache.close();
        }
        session.close(Outcome.CANCELLED);
        assertThat(harness.stats().bytesHeld()).isZero();
    }

    @Test
    void aConversationWithoutAnIdGoesOn() {
        turn(null);
        compute(ahead(null, REWRITTEN, 32), REWRITTEN);
        int[] next = concat(REWRITTEN, range(3000, 3020));
        assertThat(harness.run(null, next)).isEqualTo(150);
        assertThat(harness.stats().conversations()).isEqualTo(1);
    }

    /** Conversations whose turns are rewritten, with little memory: {@code -Dseed=N} repeats one run. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void randomTurns(Kind kind) {
        long only = Long.getLong("seed", -1);
        int sessions = 0;
        for (long seed = only < 0 ? 1 : only; seed <= (only < 0 ? 40 : only); seed++) {
            System.out.printf("computed ahead, %s, seed %d%n", kind, seed);
            Random random = new Random(seed);
            restart(new CacheHarness(CacheLimits.ofBytes(500 + random.nextInt(2000)), 4, kind, Kind.SLICEABLE));
            List<int[]> prompts = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                prompts.add(concat(range(0, 30), range(100 * i, 100 * i + 20)));
            }
            for (int step = 0; step < 60; step++) {
                int i = random.nextInt(prompts.size());
                int[] prompt = prompts.get(i);
                if (prompt.length > 300) {
                    harness.cache.evict(("c" + i)::equals);
                    prompt = concat(range(0, 30), range(100 * i, 100 * i + 20));
                }
                int at = 10_000 + 1000 * random.nextInt(50);
                int[] reasoning = range(at, at + 1 + random.nextInt(80));
                int[] answer = range(at + 100, at + 101 + random.nextInt(60));
                harness.run("c" + i, prompt, concat(reasoning, answer), Outcome.FINISHED);
                int[] rewritten = concat(prompt, answer);
                long evictions = evictions();
                CacheSession session = ahead("c" + i, rewritten, 8);
                if (session != null) {
                    sessions++;
                    int to = random.nextInt(3) > 0
                            ? rewritten.length
                            : session.resumePosition() + random.nextInt(rewritten.length - session.resumePosition());
                    harness.prefill(session, rewritten, to);
                    TrieAsserts.check(harness.cache, harness.ledger);
                    if (random.nextInt(8) == 0) {
                        harness.cache.evict(("c" + random.nextInt(4))::equals);
                    } else {
                        assertThat(evictions())
                                .as("seed %d, step %d", seed, step)
                                .isEqualTo(evictions);
                    }
                    session.close(random.nextInt(10) == 0 ? Outcome.FAILED : Outcome.CANCELLED);
                    TrieAsserts.check(harness.cache, harness.ledger);
                }
                prompts.set(i, concat(rewritten, range(at + 200, at + 201 + random.nextInt(20))));
            }
        }
        assertThat(sessions).isPositive();
    }

    private long evictions() {
        return harness.stats().tiers().values().stream()
                .mapToLong(PromptCacheStats.TierStats::evictions)
                .sum();
    }
}
