package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class MlxMemoryTest {
    private static final int BYTES = 1 << 20;

    @Test
    void arraysAreCountedWhileTheyLiveAndThePeakUntilItIsForgotten() {
        try (MlxThread thread = MlxThread.start("memory")) {
            thread.run(() -> {
                long before = MlxMemory.activeBytes();
                MlxMemory.resetPeak();
                try (Scope scope = Scope.open()) {
                    Indexing.copy(Indexing.zeros(DType.UINT8, BYTES)).eval();
                    assertThat(MlxMemory.activeBytes() - before).isGreaterThanOrEqualTo(BYTES);
                }
                assertThat(MlxMemory.activeBytes() - before).isLessThan(BYTES);
                assertThat(MlxMemory.peakBytes() - before).isGreaterThanOrEqualTo(BYTES);
                MlxMemory.resetPeak();
                assertThat(MlxMemory.peakBytes() - before).isLessThan(BYTES);
            });
        }
    }

    @Test
    void whatIsFreedIsKeptUpToALimit() {
        try (MlxThread thread = MlxThread.start("memory")) {
            thread.run(() -> {
                long limit = MlxMemory.setCacheLimit(0);
                try (Scope scope = Scope.open()) {
                    Indexing.zeros(DType.UINT8, BYTES).eval();
                }
                assertThat(MlxMemory.cacheBytes()).isLessThan(BYTES);
                assertThat(MlxMemory.setCacheLimit(limit)).isZero();
                MlxMemory.clearCache();
                assertThat(MlxMemory.cacheBytes()).isZero();
            });
        }
    }

    @Test
    void aLimitIsSetAndSaysWhatItWas() {
        long before = MlxMemory.limitBytes();
        assertThat(MlxMemory.setLimit(before / 2)).isEqualTo(before);
        assertThat(MlxMemory.limitBytes()).isEqualTo(before / 2);
        assertThat(MlxMemory.setLimit(before)).isEqualTo(before / 2);
        assertThatThrownBy(() -> MlxMemory.setLimit(-1)).hasMessage("memory limit (-1 bytes) must not be negative");
    }
}
