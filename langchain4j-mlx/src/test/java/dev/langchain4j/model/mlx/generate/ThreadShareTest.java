package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How the schedulers of models, and what else is done on their thread, share its time. */
class ThreadShareTest extends TimedHarness {
    /** Embeddings: a queue of them, each of which takes a while. */
    private void work(int count, long nanos, List<Long> waited) {
        for (int i = 0; i < count; i++) {
            long asked = now;
            tasks.execute(() -> {
                waited.add(now - asked);
                steps.add("embedding");
                now += nanos;
            });
        }
    }

    @Test
    void anEmbeddingWaitsForAStepAtMost() {
        submit(scheduler(limits(4, 60, 0.5)), fake("chat", null, 500, 100));
        List<Long> waited = new ArrayList<>();
        tasks.shared = true;
        for (int i = 0; i < 50; i++) {
            tasks.runOne();
            tasks.shared = false;
            // It comes while a step is computed.
            long before = now;
            tasks.queue.addLast(() -> {
                waited.add(now - before);
                now += 1;
            });
            tasks.runOne();
            tasks.runOne();
            tasks.shared = true;
        }
        assertThat(waited).hasSize(50).allSatisfy(wait -> assertThat(wait).isLessThanOrEqualTo(105 * MILLI));
    }

    @Test
    void manyEmbeddingsLeaveChatsHalfOfTheTime() {
        List<Long> waited = new ArrayList<>();
        work(100, 200 * MILLI, waited);
        Scheduler scheduler = scheduler(limits(4, 60, 0.5));
        Fake chat = fake("chat", null, 100, 200);
        submit(scheduler, chat);
        tasks.runAll();
        int first = steps.indexOf("chat:prefill");
        int last = steps.lastIndexOf("chat");
        assertThat(first).as("embeddings before its first step").isEqualTo(1);
        long embeddings =
                steps.subList(first, last).stream().filter("embedding"::equals).count();
        long chatNanos = 105 * MILLI + 200 * nanosOfDecode;
        assertThat((double) embeddings * 200 * MILLI / chatNanos).isBetween(0.7, 1.0);
        assertThat(waited).hasSize(100);
    }

    @Test
    void modelsOfOneThreadTakeTurns() {
        Scheduler one = scheduler(limits(1, 60, 0.5));
        Scheduler two = scheduler(limits(1, 60, 0.5));
        submit(one, fake("one", null, 0, 50));
        submit(two, fake("two", null, 0, 50));
        tasks.runAll();
        for (int i = 0; i < 96; i += 4) {
            assertThat(steps.subList(i, i + 4)).contains("one", "two");
        }
    }
}
