package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Work that no request waits for. */
class IdleJobTest extends SchedulerHarness {
    /** A number of steps; does something after one of them. */
    private final class Job implements IdleJob {
        int left;
        int ends;
        Throwable failure;
        Runnable afterStep = () -> {};
        RuntimeException broken;

        Job(int left) {
            this.left = left;
        }

        @Override
        public int position() {
            return 0;
        }

        @Override
        public boolean step(int tokens) {
            assertThat(ends).isZero();
            if (broken != null) {
                throw broken;
            }
            steps.add("idle");
            left--;
            afterStep.run();
            return left > 0;
        }

        @Override
        public void end(Throwable cause) {
            ends++;
            failure = cause;
        }
    }

    @BeforeEach
    void alone() {
        tasks.shared = false;
    }

    @Test
    void runsToItsEndWhileNobodyAsks() {
        Scheduler scheduler = scheduler(1);
        Job job = new Job(3);
        assertThat(scheduler.submitIdle(job)).isTrue();
        tasks.runAll();
        assertThat(steps).containsExactly("idle", "idle", "idle");
        assertThat(job.ends).isEqualTo(1);
        assertThat(job.failure).isNull();
        assertThat(scheduler.submitIdle(new Job(1))).isTrue();
    }

    @Test
    void isRefusedWhileARequestWaits() {
        Scheduler scheduler = scheduler(1);
        submit(scheduler, fake("a", null, 10, 1));
        assertThat(scheduler.submitIdle(new Job(1))).isFalse();
        tasks.runAll();
        assertThat(steps).containsExactly("a:prefill", "a");
    }

    @Test
    void aRequestEndsItAfterTheStepInHand() {
        Scheduler scheduler = scheduler(1);
        Job job = new Job(100);
        job.afterStep = () -> {
            if (job.left == 98) {
                submit(scheduler, fake("a", null, 10, 1));
            }
        };
        scheduler.submitIdle(job);
        tasks.runAll();
        assertThat(steps).containsExactly("idle", "idle", "a:prefill", "a");
        assertThat(job.ends).isEqualTo(1);
        assertThat(job.left).isEqualTo(98);
    }

    @Test
    void otherTasksOfTheThreadComeFirst() {
        Scheduler scheduler = scheduler(1);
        Job job = new Job(2);
        job.afterStep = () -> {
            tasks.execute(() -> steps.add("x"));
            tasks.execute(() -> steps.add("y"));
        };
        scheduler.submitIdle(job);
        tasks.runAll();
        assertThat(steps).containsExactly("idle", "x", "y", "idle", "x", "y");
    }

    @Test
    void whatItThrowsIsItsOwn() {
        Scheduler scheduler = scheduler(1);
        Job job = new Job(2);
        job.broken = new IllegalStateException("injected");
        scheduler.submitIdle(job);
        tasks.runAll();
        assertThat(job.failure).isSameAs(job.broken);
        submit(scheduler, fake("a", null, 0, 1));
        tasks.runAll();
        assertThat(steps).containsExactly("a");
    }

    @Test
    void closingEndsItAtOnce() {
        Scheduler scheduler = scheduler(1);
        Job job = new Job(100);
        job.afterStep = scheduler::close;
        scheduler.submitIdle(job);
        tasks.runAll();
        assertThat(steps).containsExactly("idle");
        assertThat(job.ends).isEqualTo(1);
        assertThat(scheduler.submitIdle(new Job(1))).isFalse();
    }

    @Test
    void theEndOfTheJvmEndsItAtOnce() {
        for (int halted = 0; halted < 2; halted++) {
            Scheduler scheduler = scheduler(1);
            Job job = new Job(100);
            boolean halts = halted == 1;
            job.afterStep = () -> {
                tasks.halted = halts;
                tasks.shuttingDown = !halts;
            };
            scheduler.submitIdle(job);
            tasks.runAll();
            assertThat(job.ends).isEqualTo(1);
            assertThat(job.left).isEqualTo(99);
            tasks.halted = false;
            tasks.shuttingDown = false;
        }
    }

    /** {@code -Dseed=N} repeats one run. */
    @Test
    void noStepBesideARequestInRandomSchedules() {
        long only = Long.getLong("seed", -1);
        for (long seed = only < 0 ? 1 : only; seed <= (only < 0 ? 200 : only); seed++) {
            steps.clear();
            Random random = new Random(seed);
            tasks.shared = random.nextInt(4) == 0;
            Scheduler scheduler = scheduler(1 + random.nextInt(3));
            int submitted = 0;
            Job job = new Job(0);
            for (int i = 0; i < 50; i++) {
                int before = steps.size();
                boolean busy = !scheduler.isIdle();
                switch (random.nextInt(5)) {
                    case 0 ->
                        submit(scheduler, fake("r" + submitted++, null, random.nextInt(300), 1 + random.nextInt(3)));
                    case 1 -> {
                        Job other = new Job(1 + random.nextInt(5));
                        boolean taken = scheduler.submitIdle(other);
                        assertThat(taken).as("seed %d", seed).isEqualTo(!busy && (job.left == 0 || job.ends > 0));
                        job = taken ? other : job;
                    }
                    default -> tasks.runOne();
                }
                List<String> taken = steps.subList(before, steps.size());
                assertThat(busy && taken.contains("idle"))
                        .as("seed %d: %s", seed, taken)
                        .isFalse();
            }
            tasks.shared = false;
            tasks.runAll();
            assertThat(scheduler.isIdle()).isTrue();
            assertThat(scheduler.stats().finished()).as("seed %d", seed).isEqualTo(submitted);
        }
    }
}
