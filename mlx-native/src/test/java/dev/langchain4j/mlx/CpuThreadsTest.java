package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Products of the CPU backend are the same numbers with any number of threads, on several threads of callers too. */
class CpuThreadsTest {
    private static final int[][] SHAPES = {
        {1, 1024, 512}, {2, 777, 640}, {64, 1030, 256}, {700, 48, 512}, {1000, 1, 300}
    };

    @AfterEach
    void reset() {
        NativeLibraries.cpuThreads(Runtime.getRuntime().availableProcessors());
    }

    /** Compares products of all shapes, transposed and not, with those of a loop. */
    private static void checkAll() {
        try (MlxThread thread = MlxThread.start("products", Device.CPU)) {
            for (int[] shape : SHAPES) {
                thread.run(() -> {
                    try (Scope scope = Scope.open()) {
                        FewRowsTest.check(shape[0], shape[2], shape[1]);
                    }
                });
            }
        }
    }

    @Test
    void anyNumberOfThreadsComputesTheSame() {
        long live = LiveHandles.count();
        for (int threads : new int[] {0, 1, 2, 3, 7, 16}) {
            NativeLibraries.cpuThreads(threads);
            checkAll();
        }
        assertThat(LiveHandles.count()).isEqualTo(live);
    }

    @Test
    void severalCallersMayComputeAtOnce() throws Exception {
        NativeLibraries.cpuThreads(3);
        List<Callable<Void>> callers = Collections.nCopies(4, () -> {
            checkAll();
            return null;
        });
        try (ExecutorService threads = Executors.newFixedThreadPool(callers.size())) {
            for (Future<Void> caller : threads.invokeAll(callers)) {
                caller.get();
            }
        }
    }

    @Test
    void theNumberHasBounds() {
        for (int wrong : new int[] {-1, 257}) {
            assertThatThrownBy(() -> NativeLibraries.cpuThreads(wrong))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("langchain4j.mlx.cpu.threads (" + wrong + ") must be a whole number from 0 to 256");
        }
    }
}
