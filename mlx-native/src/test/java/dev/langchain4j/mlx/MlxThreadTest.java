package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.ffi.NativeErrors;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How a thread ends: after what is queued, with a last task, once, and without waiting for itself. */
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
