package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.ffi.NativeErrors;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * In which order tasks run, and how a thread ends: after what is queued, with a last task, once, without waiting for
 * itself.
 */
@Timeout(30)
class MlxThreadTest {
    @Test
    void theLastTaskComesAfterAllThatAreQueued() {
        List<String> done = Collections.synchronizedList(new ArrayList<>());
        MlxThread thread = MlxThread.start("ending");
        for (int i = 0; i < 3; i++) {
            String name = "task " + i;
            thread.execute(() -> done.add(name));
        }
        thread.close(() -> done.add("last of " + Thread.currentThread().getName()));
        thread.close(() -> done.add("another last"));
        assertThat(done).containsExactly("task 0", "task 1", "task 2", "last of ending");
        assertThat(thread.isClosed()).isTrue();
        assertThatThrownBy(() -> thread.execute(() -> {})).hasMessageContaining("closed");
    }

    @Test
    void aTaskMayGoBehindTheNextOneInsteadOfBehindAll() {
        List<String> done = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch busy = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        try (MlxThread thread = MlxThread.start("order")) {
            thread.execute(() -> {
                busy.countDown();
                await(go);
            });
            await(busy);
            thread.executeNext(() -> done.add("only"));
            for (int i = 0; i < 3; i++) {
                String name = "task " + i;
                thread.execute(() -> done.add(name));
            }
            thread.executeNext(() -> done.add("next"));
            go.countDown();
        }
        assertThat(done).containsExactly("only", "next", "task 0", "task 1", "task 2");
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Counts to three, and lets the test look between the steps. */
    private static class Counting implements MlxThread.Steps<Integer> {
        final List<String> done = new CopyOnWriteArrayList<>();
        final MlxThread thread;
        final int failsAt;
        int steps;

        Counting(MlxThread thread, int failsAt) {
            this.thread = thread;
            this.failsAt = failsAt;
        }

        @Override
        public Integer step() {
            done.add("step");
            thread.execute(() -> done.add("other"));
            if (++steps == failsAt) {
                throw new IllegalStateException("broken");
            }
            return steps == 3 ? steps : null;
        }

        @Override
        public void close() {
            done.add("closed");
        }
    }

    @Test
    void othersRunBetweenTheStepsOfAComputation() {
        Counting counting;
        try (MlxThread thread = MlxThread.start("steps")) {
            counting = new Counting(thread, 0);
            assertThat(thread.callInSteps(counting)).isEqualTo(3);
        }
        assertThat(counting.done).containsExactly("step", "other", "step", "other", "step", "closed", "other");
    }

    @Test
    void stepsAreClosedOnceWhateverHappens() throws Exception {
        try (MlxThread thread = MlxThread.start("steps")) {
            Counting broken = new Counting(thread, 2);
            assertThatThrownBy(() -> thread.callInSteps(broken)).hasMessage("broken");
            assertThat(broken.done).containsOnlyOnce("closed");

            Counting endless = new Counting(thread, Integer.MAX_VALUE) {
                @Override
                public Integer step() {
                    super.step();
                    return null;
                }
            };
            CompletableFuture<Throwable> thrown = new CompletableFuture<>();
            Thread caller = Thread.ofPlatform().start(() -> {
                try {
                    thread.callInSteps(endless);
                } catch (Throwable e) {
                    thrown.complete(Thread.currentThread().isInterrupted() ? e : new AssertionError(e));
                }
            });
            while (endless.done.size() < 10) {
                Thread.onSpinWait();
            }
            caller.interrupt();
            assertThat(thrown.get()).isInstanceOf(CancellationException.class);
            assertThat(endless.done).containsOnlyOnce("closed");

            Counting inside = new Counting(thread, 0);
            thread.run(() -> assertThat(thread.callInSteps(inside)).isEqualTo(3));
            assertThat(List.copyOf(inside.done).subList(0, 4)).containsExactly("step", "step", "step", "closed");
        }
    }

    @Test
    void aThreadThatIsClosedFinishesTheStepsFirst() throws Exception {
        MlxThread thread = MlxThread.start("steps");
        Counting counting = new Counting(thread, 0);
        CountDownLatch begun = new CountDownLatch(1);
        CompletableFuture<Integer> result = CompletableFuture.supplyAsync(() -> {
            thread.execute(begun::countDown);
            return thread.callInSteps(counting);
        });
        await(begun);
        while (counting.done.isEmpty()) {
            Thread.onSpinWait();
        }
        thread.close(() -> counting.done.add("last"));
        assertThat(result.get()).isEqualTo(3);
        assertThat(counting.done).endsWith("last");
    }

    @Test
    void whatTheLastTaskThrowsIsThrownAfterTheEnd() {
        MlxThread thread = MlxThread.start("ending");
        CompletableFuture<Thread> own = new CompletableFuture<>();
        assertThatThrownBy(() -> thread.close(() -> {
                    own.complete(Thread.currentThread());
                    throw new AssertionError("broken");
                }))
                .isInstanceOf(AssertionError.class)
                .hasMessage("broken");
        assertThat(own.join().isAlive()).isFalse();
    }

    @Test
    void aThreadThatClosesItselfTellsItsHandlerWhatFails() {
        CompletableFuture<Throwable> told = new CompletableFuture<>();
        MlxThread thread = MlxThread.start("ending");
        thread.execute(() -> {
            Thread.currentThread().setUncaughtExceptionHandler((t, e) -> told.complete(e));
            thread.close(() -> {
                throw new IllegalStateException("broken");
            });
        });
        assertThat(told.join()).hasMessage("broken");
        thread.close();
    }

    @Test
    void eachThreadFindsTheTextOfItsOwnFailure() throws Exception {
        try (MlxThread one = MlxThread.start("one");
                MlxThread other = MlxThread.start("other")) {
            List<Throwable> failures = new ArrayList<>();
            for (MlxThread thread : List.of(one, other)) {
                failures.add(org.assertj.core.api.Assertions.catchThrowable(() -> thread.run(() -> {
                    try (Scope scope = Scope.open()) {
                        int rows = thread == one ? 3 : 5;
                        Ops.matmul(MlxArray.of(new float[2 * 7], 2, 7), MlxArray.of(new float[rows], rows, 1));
                    }
                })));
            }
            assertThat(failures.get(0)).hasMessageContaining("matmul").hasMessageContaining("(3,1)");
            assertThat(failures.get(1)).hasMessageContaining("matmul").hasMessageContaining("(5,1)");
            assertThat(NativeErrors.take()).isEqualTo("no message from the native library");
        }
    }
}
