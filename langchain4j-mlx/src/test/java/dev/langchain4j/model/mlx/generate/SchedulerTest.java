package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

/** Who runs when, and how requests end, told on requests that compute nothing and a thread that is a list of tasks. */
class SchedulerTest extends SchedulerHarness {
    @Test
    void promptsThatFitIntoOnePassArePrefilledTogether() {
        submit(
                scheduler(4),
                fake("a", null, 40, 1),
                fake("b", null, 60, 1),
                fake("c", null, 30, 1),
                fake("d", null, 250, 1));
        tasks.runAll();

        assertThat(steps.subList(0, 2)).containsExactly("c:prefill", "a:prefill");
        assertThat(passes).startsWith(2).allMatch(count -> count <= 2);
    }

    @Test
    void oneAtATimeInTheOrderInWhichTheyCame() {
        submit(scheduler(1), fake("a", null, 150, 2), fake("b", null, 0, 1));
        tasks.runAll();
        assertThat(steps).containsExactly("a:prefill", "a:prefill", "a", "a", "b");
    }

    @Test
    void whoCanNeverRunIsRefusedBeforeItHasAPlace() {
        Fake never = fake("never", null, 100, 1);
        never.refusal = new IllegalArgumentException("too long");
        submit(scheduler(1), fake("a", null, 0, 3), never, fake("b", null, 0, 1));
        tasks.runOne();
        assertThat(never.ends).isEqualTo(1);
        assertThat(never.begun).isFalse();
        assertThat(never.failure).isSameAs(never.refusal);
        tasks.runAll();
        assertThat(steps).containsExactly("a", "a", "a", "b");
    }

    @Test
    void othersOfTheThreadRunBetweenSteps() {
        submit(scheduler(1), fake("a", null, 100, 2));
        tasks.runOne();
        tasks.execute(() -> steps.add("other"));
        tasks.runAll();
        assertThat(steps).containsExactly("a:prefill", "a", "other", "a");
    }

    @Test
    void aThreadThatNobodyElseWantsIsKept() {
        tasks.shared = false;
        Scheduler scheduler = scheduler(1);
        submit(scheduler, fake("a", null, 300, 50));
        tasks.runOne();
        assertThat(steps).hasSize(53);
        assertThat(tasks.queue).isEmpty();
        submit(scheduler, fake("b", null, 0, 1));
        tasks.runOne();
        assertThat(steps).hasSize(54);
    }

    @Test
    void decodeStepsTakeTurnsAndChunksOfPrefillComeBetweenThem() {
        submit(scheduler(3), fake("a", null, 0, 4), fake("b", null, 0, 4), fake("long", null, 200, 1));
        tasks.runAll();
        assertThat(steps)
                .containsExactly("long:prefill", "a", "b", "long:prefill", "a", "b", "long", "a", "b", "a", "b");
    }

    @Test
    void theShortestRestOfAPromptIsFirst() {
        submit(scheduler(3), fake("long", null, 1000, 1), fake("middle", null, 300, 1), fake("short", null, 200, 1));
        tasks.runAll();
        assertThat(steps.subList(0, 2)).containsOnly("short:prefill");
        assertThat(steps.indexOf("middle")).isLessThan(steps.indexOf("long"));
    }

    @Test
    void aLongPromptGivesWayToNoMoreTokensThanItHas() {
        Scheduler scheduler = scheduler(2);
        Fake patient = fake("long", "l", 1000, 1);
        submit(scheduler, patient);
        int others = 0;
        while (!steps.contains("long:prefill") && others < 100) {
            submit(scheduler, fake("short", "s" + others, 100, 1));
            others++;
            for (int i = 0; i < 3; i++) {
                tasks.runOne();
            }
        }
        assertThat(steps.stream().filter("short:prefill"::equals).count()).isLessThanOrEqualTo(10);
        assertThat(steps).contains("long:prefill");
    }

    @Test
    void theNextRoundOfAToolLoopGoesBeforeANewConversation() {
        submit(scheduler(1), fake("first", "f", 0, 1), fake("new", "n", 0, 1), toolRound("round", "t"));
        tasks.runAll();
        assertThat(steps).containsExactly("round", "first", "new");
    }

    @Test
    void butNotForEver() {
        Scheduler scheduler = scheduler(1);
        submit(scheduler, fake("new", "n", 0, 1));
        int rounds = 0;
        while (!steps.contains("new") && rounds < 100) {
            submit(scheduler, toolRound("round", "t" + rounds++), toolRound("round", "u" + rounds));
            tasks.runOne();
        }
        assertThat(steps.indexOf("new")).isEqualTo(SchedulingPolicy.PASSED_OVER_MAX);
    }

    @Test
    void aConversationWithManyRequestsDoesNotKeepOthersWaiting() {
        submit(
                scheduler(2),
                fake("a1", "a", 0, 3),
                fake("a2", "a", 0, 3),
                fake("a3", "a", 0, 3),
                fake("b1", "b", 0, 3));
        tasks.runAll();
        assertThat(steps.subList(0, 2)).containsExactlyInAnyOrder("a1", "b1");
        assertThat(steps.indexOf("a2")).isLessThan(steps.indexOf("a3"));
    }

    @Test
    void requestsOfOneConversationBeginInTheirOrderAlsoIfALaterOneIsAToolRound() {
        submit(scheduler(1), fake("a1", "a", 0, 1), toolRound("a2", "a"), fake("b", "b", 0, 1));
        tasks.runAll();
        assertThat(steps).containsExactly("a1", "a2", "b");
    }

    @Test
    void whatHasNoRoomWaitsForThoseThatRunAndASingleOneAlwaysHas() {
        Scheduler scheduler = scheduler(2);
        Fake running = fake("running", null, 0, 2);
        Fake large = fake("large", null, 0, 1);
        large.room = false;
        submit(scheduler, running, large);
        tasks.runAll();
        assertThat(steps).containsExactly("running", "running", "large");
    }

    @Test
    void whoHasNoRoomForAStepWaitsForOthersAndTheLastThatBeganGivesWay() {
        Scheduler scheduler = scheduler(3);
        Fake first = fake("first", null, 0, 3);
        Fake second = fake("second", null, 0, 3);
        submit(scheduler, first, second);
        tasks.runOne();
        first.room = false;
        second.room = false;
        tasks.runOne();
        assertThat(steps).containsExactly("first", "second", "second");
        second.room = true;
        tasks.runAll();
        assertThat(steps).containsExactly("first", "second", "second", "second", "first", "first");
    }

    @Test
    void aFailureEndsItsRequestAlone() {
        Scheduler scheduler = scheduler(3);
        Fake broken = fake("broken", null, 0, 3);
        broken.broken = new IllegalArgumentException("its own");
        Fake other = fake("other", null, 100, 2);
        submit(scheduler, broken, other);
        tasks.runAll();
        assertThat(broken.failure).hasMessage("its own");
        assertThat(other.failure).isNull();
        assertThat(other.ends).isOne();
        assertThat(scheduler.stats()).isEqualTo(new EngineStats(0, 0, 1, 0, 0, 0, 1));
    }

    @Test
    void cancellingEndsBeforeTheNextStepWhateverTheState() {
        Scheduler scheduler = scheduler(2);
        Fake decoding = fake("decoding", null, 0, 9);
        Fake prefilling = fake("prefilling", null, 900, 9);
        Fake waiting = fake("waiting", null, 0, 9);
        submit(scheduler, decoding, prefilling, waiting);
        tasks.runOne();
        tasks.runOne();
        List.of(decoding, prefilling, waiting).forEach(ScheduledRequest::cancel);
        int before = steps.size();
        tasks.runAll();
        assertThat(steps).hasSize(before);
        assertThat(List.of(decoding, prefilling, waiting))
                .allSatisfy(fake -> assertThat(fake.failure).isInstanceOf(CancellationException.class));
        assertThat(waiting.begun).isFalse();
        assertThat(scheduler.stats().cancelled()).isEqualTo(3);
    }

    @Test
    void timeIsLimitedWaitingAndRunning() {
        Scheduler scheduler = scheduler(new EngineLimits(1, 9, Duration.ofNanos(50), Duration.ZERO, false));
        Fake running = new Fake("running", null, false, 0, 9, Duration.ofNanos(100));
        Fake waiting = fake("waiting", null, 0, 9);
        Fake impatient = new Fake("impatient", null, false, 0, 9, Duration.ofNanos(20));
        Fake forEver = new Fake("forEver", null, false, 0, 1, Duration.ofSeconds(Long.MAX_VALUE));
        submit(scheduler, running, waiting, impatient);
        now = 21;
        nanosOfDecode = 30;
        tasks.runOne();
        assertThat(impatient.failure).isInstanceOf(TimeoutException.class).hasMessageContaining("timeout");
        nanosOfDecode = 50;
        tasks.runOne();
        assertThat(waiting.failure).isInstanceOf(TimeoutException.class).hasMessageContaining("queueTimeout");
        assertThat(running.ends).isZero();
        tasks.runOne();
        assertThat(running.failure).isInstanceOf(TimeoutException.class).hasMessageContaining("was still running");
        submit(scheduler, forEver);
        tasks.runAll();
        assertThat(forEver.failure).isNull();
        assertThat(scheduler.stats().timedOut()).isEqualTo(3);
    }

    @Test
    void aFullQueueRefusesAndAnEndMakesRoom() {
        Scheduler scheduler = scheduler(new EngineLimits(1, 2, null, Duration.ZERO, false));
        submit(scheduler, fake("a", null, 0, 1), fake("b", null, 0, 1), fake("c", null, 0, 1));
        assertThatThrownBy(() -> scheduler.submit(fake("d", null, 0, 1)))
                .isInstanceOf(RateLimitException.class)
                .hasMessageContaining("maxQueued (2)");
        tasks.runOne();
        submit(scheduler, fake("e", null, 0, 1));
        tasks.runAll();
        assertThat(steps).containsExactly("a", "b", "c", "e");
        assertThat(scheduler.stats().refused()).isOne();
    }

    @Test
    void afterTheGracePeriodWhatIsLeftFailsAndNothingNewIsTaken() {
        Scheduler scheduler = scheduler(new EngineLimits(1, 9, null, Duration.ofNanos(100), false));
        Fake running = fake("running", null, 0, 9);
        Fake waiting = fake("waiting", null, 0, 9);
        submit(scheduler, running, waiting);
        tasks.runOne();
        tasks.current = true;
        scheduler.close();
        tasks.current = false;
        assertThatThrownBy(() -> scheduler.submit(fake("new", null, 0, 1)))
                .isInstanceOf(NonRetriableException.class)
                .hasMessageContaining("closed");
        tasks.runOne();
        assertThat(running.stepsTaken).as("it goes on").isEqualTo(2);
        now = 100;
        tasks.runAll();
        assertThat(List.of(running, waiting)).allSatisfy(fake -> {
            assertThat(fake.ends).isOne();
            assertThat(fake.failure).isInstanceOf(NonRetriableException.class);
        });
        scheduler.close();
    }

    @Test
    void aJvmThatEndsRefusesNewOnesAndEndsTheOthersWhenItHalts() {
        Scheduler scheduler = scheduler(1);
        Fake running = fake("running", null, 0, 3);
        submit(scheduler, running);
        tasks.shuttingDown = true;
        assertThatThrownBy(() -> scheduler.submit(fake("new", null, 0, 1)))
                .isInstanceOf(NonRetriableException.class)
                .hasMessageContaining("shutting down");
        tasks.runOne();
        assertThat(running.stepsTaken).isOne();
        tasks.halted = true;
        tasks.runAll();
        assertThat(running.failure).isInstanceOf(NonRetriableException.class);
    }

    /** Whatever comes in whatever order: each request ends once, and no more run than may. */
    @Test
    void everyRequestEndsOnce() {
        long seed = Seeds.seed(SchedulerTest.class);
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            int concurrent = 1 + random.nextInt(5);
            Scheduler scheduler =
                    scheduler(new EngineLimits(concurrent, 20, Duration.ofNanos(400), Duration.ZERO, false));
            List<Fake> all = new ArrayList<>();
            int refused = 0;
            for (int i = 0; i < 200; i++) {
                now += random.nextInt(5);
                if (random.nextInt(3) == 0) {
                    Object conversation = random.nextInt(4) == 0 ? null : "c" + random.nextInt(6);
                    Duration timeout = random.nextInt(5) == 0 ? Duration.ofNanos(1 + random.nextInt(100)) : null;
                    Fake fake = new Fake(
                            "r" + i,
                            conversation,
                            random.nextBoolean(),
                            random.nextInt(3) * 150,
                            1 + random.nextInt(6),
                            timeout);
                    fake.broken = random.nextInt(10) == 0 ? new IllegalStateException("broken") : null;
                    fake.room = random.nextInt(5) != 0;
                    try {
                        scheduler.submit(fake);
                        all.add(fake);
                    } catch (RateLimitException e) {
                        refused++;
                    }
                }
                if (random.nextInt(8) == 0 && !all.isEmpty()) {
                    all.get(random.nextInt(all.size())).cancel();
                }
                tasks.runOne();
                long running = all.stream().filter(f -> f.begun && f.ends == 0).count();
                assertThat(running).as("seed %d, round %d", seed, round).isLessThanOrEqualTo(concurrent);
            }
            tasks.runAll();
            assertThat(all).as("seed %d, round %d", seed, round).allSatisfy(fake -> assertThat(fake.ends)
                    .isOne());
            EngineStats stats = scheduler.stats();
            assertThat(stats.finished() + stats.cancelled() + stats.timedOut() + stats.failed())
                    .isEqualTo(all.size());
            assertThat(stats.refused()).isEqualTo(refused);
        }
    }
}
