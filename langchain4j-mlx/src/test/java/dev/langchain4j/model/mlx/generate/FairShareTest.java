package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

/** How requests share the time of a model: told in the time of a clock that steps advance. */
class FairShareTest extends TimedHarness {
    private long longest() {
        return chunks.stream().mapToLong(c -> c).max().orElse(0) / MILLI;
    }

    // ---- prefill and decode ---------------------------------------------------------------------------------------

    @Test
    void aRequestAlonePrefillsWholeChunks() {
        submit(scheduler(limits(4, 20, 0.5)), fake("alone", null, 1000, 1));
        tasks.runAll();
        assertThat(steps.stream().filter("alone:prefill"::equals)).hasSize(1000 / CHUNK);
    }

    @Test
    void whileOthersDecodeAChunkLastsTheStallTargetAtMost() {
        doubling = 8000;
        Scheduler scheduler = scheduler(limits(4, 60, 0.5));
        Fake first = fake("first", null, 0, FOREVER);
        Fake second = fake("second", null, 0, FOREVER);
        Fake prompt = fake("long", null, 4000, 1);
        submit(scheduler, first, second, prompt);
        runUntil(() -> prompt.ends > 0);
        assertThat(chunks.subList(5, chunks.size()))
                .as("the rate is learned, and falls with the position")
                .allSatisfy(chunk -> assertThat(chunk).isBetween(20 * MILLI, 70 * MILLI));
        assertThat(Math.max(first.longestGap, second.longestGap)).isLessThanOrEqualTo((70 + 30) * MILLI);
        EngineCounts counts = scheduler.counts();
        assertThat(counts.stalls()).isEqualTo(chunks.size());
        assertThat(counts.stallNanos())
                .isEqualTo(chunks.stream().mapToLong(c -> c).sum());
        assertThat(counts.longestStallNanos()).isEqualTo(Collections.max(chunks));
    }

    @Test
    void aMomentInWhichTheMachineIsBusyDoesNotMakeChunksSmallForLong() {
        Scheduler scheduler = scheduler(limits(4, 60, 0.5));
        Fake prompt = fake("long", null, 6000, 1);
        submit(scheduler, fake("decoding", null, 0, FOREVER), prompt);
        runUntil(() -> chunks.size() == 20);
        nanosOfToken = 20 * MILLI;
        runUntil(() -> chunks.size() == 22);
        nanosOfToken = MILLI;
        runUntil(() -> chunks.size() == 28);
        assertThat(chunks.getLast()).isEqualTo(chunks.get(19));
    }

    /** On a machine that is busy all the time each chunk takes longer; much smaller ones would be slower for all. */
    @Test
    void aMachineThatStaysBusyDoesNotMakeChunksSmallerAndSmaller() {
        nanosOfToken = 0.1 * MILLI;
        Scheduler scheduler = scheduler(limits(4, 120, 0.5));
        Fake prompt = fake("long", null, 20_000, 1);
        submit(scheduler, fake("decoding", null, 0, FOREVER), prompt);
        runUntil(() -> chunks.size() == 30);
        nanosOfChunk = 100 * MILLI;
        nanosOfToken = 2 * MILLI;
        runUntil(() -> chunks.size() == 40);
        assertThat(tokensOfLastChunk()).isEqualTo(CHUNK);
    }

    @Test
    void aMachineThatIsBusyGetsSmallerChunks() {
        Scheduler scheduler = scheduler(limits(4, 150, 0.5));
        submit(scheduler, fake("decoding", null, 0, FOREVER), fake("long", null, 20_000, 1));
        runUntil(() -> chunks.size() == 20);
        assertThat(tokensOfLastChunk()).isEqualTo(CHUNK);
        nanosOfToken = 2 * MILLI;
        runUntil(() -> chunks.size() == 30);
        assertThat(chunks.getLast()).isLessThanOrEqualTo(150 * MILLI);
    }

    private int tokensOfLastChunk() {
        return (int) ((chunks.getLast() - nanosOfChunk) / nanosOfToken);
    }

    @Test
    void decodeGetsItsShareOfTheTime() {
        for (double share : new double[] {0.25, 0.5, 0.75}) {
            chunks.clear();
            steps.clear();
            Fake prompt = fake("long", null, 8000, 1);
            Fake decoding = fake("decoding", null, 0, FOREVER);
            Scheduler scheduler = scheduler(limits(2, 60, share));
            long begun = now;
            submit(scheduler, decoding, prompt);
            runUntil(() -> prompt.ends > 0);
            long prefill = chunks.stream().mapToLong(c -> c).sum();
            assertThat(1 - (double) prefill / (now - begun)).isBetween(share, share + 0.12);
            decoding.cancel();
            tasks.runAll();
        }
    }

    @Test
    void withoutAShareDecodeTakesAStepBetweenChunks() {
        nanosOfDecode = 0;
        Fake prompt = fake("long", null, 500, 1);
        submit(scheduler(limits(2, 1000, 0)), fake("decoding", null, 0, FOREVER), prompt);
        runUntil(() -> prompt.ends > 0);
        for (int i = 1; i < steps.size(); i++) {
            assertThat(steps.subList(i - 1, i + 1)).isNotEqualTo(List.of("long:prefill", "long:prefill"));
        }
    }

    @Test
    void nothingIsOwedToThoseThatDidNotWait() {
        Scheduler scheduler = scheduler(limits(3, 1000, 0.9));
        Fake decoding = fake("decoding", null, 0, FOREVER);
        submit(scheduler, decoding, fake("long", null, 100_000, 1));
        runUntil(() -> chunks.size() == 1);
        decoding.cancel();
        runUntil(() -> decoding.ends > 0 && chunks.size() >= 5);
        submit(scheduler, fake("next", null, 0, FOREVER));
        steps.clear();
        tasks.runOne();
        assertThat(steps).as("a chunk comes at once, and is owed from then on").containsExactly("long:prefill");
    }

    @Test
    void aToolRoundIsAnsweredWithinTwiceItsOwnPrefillAndTheStallTarget() {
        Scheduler scheduler = scheduler(limits(9, 60, EngineLimits.DEFAULT.decodeShare()));
        for (int i = 0; i < 7; i++) {
            submit(scheduler, fake("decoding" + i, "c" + i, 0, FOREVER));
        }
        submit(scheduler, fake("long", "l", 8000, 1));
        runUntil(() -> chunks.size() == 9);
        Fake round = new Fake("round", "r", true, 200, 1, null);
        long asked = now;
        submit(scheduler, round);
        runUntil(() -> round.ends > 0);
        long alone = 200 * MILLI + 2 * nanosOfChunk + nanosOfDecode;
        assertThat(now - asked).isLessThanOrEqualTo(2 * alone + 60 * MILLI);
        assertThat(longest()).isLessThanOrEqualTo(60);
    }

    /** What decode is owed after a chunk is put off for a prompt that one chunk ends, so that its answer can begin. */
    @Test
    void aShortPromptWaitsForAStepOfDecodeAndNotForItsShare() {
        Scheduler scheduler = scheduler(limits(9, 60, 0.8));
        submit(scheduler, fake("decoding", "d", 0, FOREVER), fake("long", "l", 8000, 1));
        runUntil(() -> chunks.size() == 9);
        steps.clear();
        submit(scheduler, fake("short", "s", 40, FOREVER));
        runUntil(() -> steps.contains("short"));
        assertThat(steps.stream().filter(step -> !step.equals("decoding"))).containsExactly("short:prefill", "short");
        assertThat(steps.subList(0, steps.indexOf("short:prefill"))).containsExactly("decoding");
        steps.clear();
        runUntil(() -> steps.contains("long:prefill"));
        assertThat((steps.size() - 1) / 2 * nanosOfDecode)
                .as("the shares of both chunks come after it")
                .isGreaterThanOrEqualTo(4 * (55 + 45 - 30 - 30) * MILLI);
    }

    /** However many short prompts come, no more than one chunk's share is put off. */
    @Test
    void manyShortPromptsLeaveDecodeItsShare() {
        Scheduler scheduler = scheduler(limits(9, 60, 0.5));
        Fake decoding = fake("decoding", "d", 0, FOREVER);
        submit(scheduler, decoding);
        List<Fake> rounds = new ArrayList<>();
        long[] begun = {0};
        runUntil(() -> {
            if (rounds.size() == 20 && begun[0] == 0) {
                chunks.clear();
                begun[0] = now;
            }
            while (rounds.stream().filter(round -> round.ends == 0).count() < 3) {
                rounds.add(new Fake("round", "r" + rounds.size(), true, 40, 1, null));
                submit(scheduler, rounds.getLast());
            }
            return rounds.size() > 100;
        });
        long prefill = chunks.stream().mapToLong(c -> c).sum();
        assertThat(1 - (double) prefill / (now - begun[0])).isGreaterThan(0.45);
    }

    // ---- a prefix that another one computes -----------------------------------------------------------------------

    @Test
    void whoNeedsAPrefixThatIsBeingComputedWaitsForItAndOthersDoNot() {
        Scheduler scheduler = scheduler(limits(4, 60, 0.5));
        Fake source = fake("source", "a", 1000, 3).of("system", 600);
        Fake waiter = fake("waiter", "b", 700, 1).of("system", 600);
        Fake other = fake("other", "c", 50, 1);
        submit(scheduler, source);
        tasks.shared = true;
        tasks.runOne();
        submit(scheduler, waiter, other);
        runUntil(() -> waiter.ends > 0);
        assertThat(steps.subList(0, steps.indexOf("waiter:prefill"))).contains("other");
        assertThat(steps.stream().filter("waiter:prefill"::equals).count())
                .as("chunks of its own 100 tokens")
                .isOne();
        assertThat(steps).as("the waiter is first").doesNotContain("source");
        assertThat(waiter.prefixWaitNanos).isBetween(500 * MILLI, 800 * MILLI);
        assertThat(source.prefixWaitNanos).isZero();
        tasks.runAll();
    }

    @Test
    void theSourceIsAsUrgentAsThoseThatWaitForIt() {
        Scheduler scheduler = scheduler(limits(4, 60, 0.5));
        Fake source = fake("source", "a", 5000, 1).of("system", 300);
        Fake middle = fake("middle", "b", 1000, 1);
        submit(scheduler, source, middle);
        tasks.shared = true;
        tasks.runOne();
        assertThat(steps).containsExactly("middle:prefill");
        submit(scheduler, fake("waiter", "c", 350, 1).of("system", 300));
        tasks.runOne();
        assertThat(steps).endsWith("source:prefill");
        runUntil(() -> steps.contains("waiter"));
        assertThat(steps).doesNotContain("middle", "source");
        tasks.runAll();
    }

    @Test
    void aSourceThatIsCancelledOrFailsIsNotWaitedForAnyLonger() {
        for (boolean fails : new boolean[] {true, false}) {
            Scheduler scheduler = scheduler(limits(4, 60, 0.5));
            Fake source = fake("source", "a", 1000, 1).of("system" + fails, 900);
            Fake waiter = fake("waiter", "b", 1000, 1).of("system" + fails, 900);
            submit(scheduler, source, waiter);
            tasks.shared = true;
            tasks.runOne();
            tasks.runOne();
            assertThat(waiter.begun).isFalse();
            if (fails) {
                source.broken = new IllegalStateException("broken");
            } else {
                source.cancel();
            }
            tasks.runOne();
            tasks.runOne();
            assertThat(waiter.begun).isTrue();
            tasks.runAll();
            assertThat(waiter.ends).isOne();
            assertThat(waiter.failure).isNull();
        }
    }

    @Test
    void whoWaitsForAPrefixCanBeCancelledAndTimesOut() {
        Scheduler scheduler = scheduler(limits(4, 60, 0.5));
        Fake cancelled = fake("cancelled", "b", 1000, 1).of("system", 900);
        Fake impatient = new Fake("impatient", "c", false, 1000, 1, Duration.ofMillis(150)).of("system", 900);
        submit(scheduler, fake("source", "a", 1000, 1).of("system", 900), cancelled, impatient);
        tasks.shared = true;
        tasks.runOne();
        cancelled.cancel();
        tasks.runOne();
        assertThat(cancelled.failure).isInstanceOf(CancellationException.class);
        tasks.runAll();
        assertThat(impatient.failure).isInstanceOf(TimeoutException.class).hasMessageContaining("was still waiting");
        assertThat(List.of(cancelled.begun, impatient.begun)).containsOnly(false);
    }

    @Test
    void theNextOfAConversationDoesNotOvertakeOneThatWaitsForAPrefix() {
        Scheduler scheduler = scheduler(limits(4, 60, 0.5));
        submit(
                scheduler,
                fake("source", "a", 1000, 1).of("system", 900),
                fake("b1", "b", 1000, 1).of("system", 900),
                fake("b2", "b", 500, 1));
        tasks.runAll();
        assertThat(steps.indexOf("b1:prefill")).isLessThan(steps.indexOf("b2:prefill"));
    }

    @Test
    void aRequestWaitsSoOftenAndNoMore() {
        Scheduler scheduler = scheduler(limits(2, 60, 0.5));
        Fake waiter = fake("waiter", "w", 1000, 1).of("system", 900);
        tasks.shared = true;
        for (int i = 0; i < 100 && !waiter.begun; i++) {
            Fake source = new Fake("source", "s" + i, true, 1000, 1, null).of("system", 900);
            submit(scheduler, source);
            if (i == 0) {
                submit(scheduler, waiter);
            }
            tasks.runOne();
            source.cancel();
            published.clear();
        }
        assertThat(waiter.begun).isTrue();
        assertThat(waiter.prefixWaits).isEqualTo(SchedulingPolicy.PREFIX_WAITS_MAX);
        tasks.runAll();
    }

    // ---- random schedules -----------------------------------------------------------------------------------------

    /**
     * Whatever comes in whatever order: nobody that decodes waits longer than a chunk and a step, nobody is passed over
     * for ever, and the requests of a conversation begin as they came.
     */
    @Test
    void nobodyStarves() {
        long seed = Seeds.seed(FairShareTest.class);
        Random random = new Random(seed);
        for (int round = 0; round < 100; round++) {
            published.clear();
            chunks.clear();
            nanosOfToken = (1 + random.nextInt(20)) * MILLI / 10;
            nanosOfDecode = (1 + random.nextInt(40)) * MILLI;
            int concurrent = 2 + random.nextInt(6);
            int stallMillis = 50 + random.nextInt(200);
            Scheduler scheduler = scheduler(limits(concurrent, stallMillis, random.nextInt(8) / 10.0));
            List<Fake> all = new ArrayList<>();
            int submitted = 60;
            tasks.shared = true;
            while (all.size() < submitted || all.stream().anyMatch(fake -> fake.ends == 0)) {
                if (all.size() < submitted && random.nextInt(3) == 0) {
                    Fake fake = random(random, all.size());
                    all.add(fake);
                    submit(scheduler, fake);
                }
                if (random.nextInt(40) == 0 && !all.isEmpty()) {
                    all.get(random.nextInt(all.size())).cancel();
                }
                long before = now;
                tasks.runOne();
                assertThat(now - before)
                        .as("a pass, seed %d, round %d", seed, round)
                        .isLessThan(1000 * MILLI);
            }
            tasks.runAll();
            // A piece of 32 tokens is the shortest chunk; a whole one of a hundred is the longest.
            long chunk = Math.min(105 * 2, Math.max(stallMillis, 5 + 32 * 2)) * MILLI;
            // Of those that run all that decode do so in each such pass: nobody is left out.
            assertThat(all).as("seed %d, round %d", seed, round).allSatisfy(fake -> {
                assertThat(fake.ends).isOne();
                assertThat(fake.passedOver).isLessThanOrEqualTo(SchedulingPolicy.PASSED_OVER_MAX + submitted);
                assertThat(fake.prefixWaits).isLessThanOrEqualTo(SchedulingPolicy.PREFIX_WAITS_MAX);
                assertThat(fake.longestGap).isLessThanOrEqualTo(chunk + 2 * nanosOfDecode + 5 * MILLI);
            });
            assertInOrder(all, seed);
        }
    }

    private int begins;

    private Fake random(Random random, int number) {
        Object conversation = random.nextInt(3) == 0 ? null : "c" + random.nextInt(8);
        int length = random.nextInt(3) * random.nextInt(500);
        Fake fake = new Fake("r" + number, conversation, random.nextInt(3) == 0, length, 1 + random.nextInt(20), null) {
            @Override
            void begin() {
                super.begin();
                order = begins++;
            }
        };
        return random.nextBoolean() ? fake.of("f" + random.nextInt(2), random.nextInt(length + 1)) : fake;
    }

    private static void assertInOrder(List<Fake> all, long seed) {
        Map<Object, Integer> last = new HashMap<>();
        for (Fake fake : all) {
            if (fake.conversation != null && fake.begun) {
                Integer before = last.put(fake.conversation, fake.order);
                assertThat(before == null || before < fake.order)
                        .as("%s of %s began in its order, seed %d", fake.name, fake.conversation, seed)
                        .isTrue();
            }
        }
    }

    /** However many short prompts come, a long one is prefilled: it waits for as many tokens as it has itself. */
    @Test
    void aLongPromptIsPrefilledWhateverComes() {
        long seed = Seeds.seed(FairShareTest.class);
        Random random = new Random(seed);
        for (int round = 0; round < 50; round++) {
            steps.clear();
            Scheduler scheduler = scheduler(limits(3, 100, 0.3));
            int length = 200 + random.nextInt(2000);
            Fake patient = fake("long", "l", length, 1);
            submit(scheduler, patient);
            List<Fake> others = new ArrayList<>();
            tasks.shared = true;
            while (patient.ends == 0) {
                while (others.stream().filter(o -> o.ends == 0).count() < 4) {
                    Fake other = new Fake("o", null, true, 1 + random.nextInt(150), 1 + random.nextInt(3), null);
                    others.add(other);
                    submit(scheduler, other);
                }
                tasks.runOne();
                int fed = others.stream()
                        .mapToInt(o -> o.begun ? o.length - o.prompt : 0)
                        .sum();
                assertThat(fed)
                        .as("tokens before it, seed %d, round %d", seed, round)
                        .isLessThan(2 * length + 20 * 150);
            }
            others.forEach(ScheduledRequest::cancel);
            tasks.runAll();
        }
    }
}
