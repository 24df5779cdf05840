package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A thread in which a native call does not return is given up, and nobody waits for it. */
@Timeout(30)
class AbandonedThreadTest {

    @Test
    void whoWaitsForATaskHearsWhyTheThreadWasGivenUp() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        MlxThread thread = MlxThread.start("abandoned");
        try {
            thread.execute(() -> {
                begun.countDown();
                awaitUninterruptibly(end);
            });
            begun.await();
            assertThat(thread.nanosInTask()).isPositive();
            Thread giver = Thread.ofVirtual().start(() -> {
                awaitUninterruptibly(begun);
                thread.abandon(new IllegalArgumentException("a rank is gone"));
            });
            assertThatThrownBy(() -> thread.call(() -> 1)).hasMessage("a rank is gone");
            giver.join();
            assertThatThrownBy(() -> thread.execute(() -> {})).hasMessage("a rank is gone");
            assertThat(thread.isClosed()).isTrue();
            assertThat(thread.isHalted()).isTrue();
            thread.close();
        } finally {
            end.countDown();
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
