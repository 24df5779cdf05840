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

    @Test
    void modelsShareOneBudget() {
        long limit = MlxMemory.setLimit(100L << 20);
        try (MlxMemory.WeightClaim first = MlxMemory.claimWeights(40L << 20)) {
            assertThat(MlxMemory.budgetBytes()).isEqualTo(100L << 20);
            assertThat(MlxMemory.weightBytes()).isEqualTo(40L << 20);
            assertThatThrownBy(() -> MlxMemory.claimWeights(50L << 20))
                    .isInstanceOf(MlxException.class)
                    .hasMessageContainingAll(
                            "weights of 50 MiB and 16 MiB to compute with do not fit",
                            "at most 100 MiB",
                            "other models take 40 MiB",
                            "MlxMemory.setLimit");
            assertThat(MlxMemory.weightBytes()).isEqualTo(40L << 20);
            first.settle(20L << 20);
            MlxMemory.WeightClaim second = MlxMemory.claimWeights(50L << 20);
            assertThat(MlxMemory.weightBytes()).isEqualTo(70L << 20);
            second.close();
            second.close();
        } finally {
            MlxMemory.setLimit(limit);
        }
        assertThat(MlxMemory.weightBytes()).isZero();
    }

    @Test
    void theBudgetIsWhatTheDeviceRecommendsUnlessTheApplicationSaysOtherwise() {
        assertThat(MlxMemory.budget(96, false, 72)).isEqualTo(72);
        assertThat(MlxMemory.budget(60, false, 72)).isEqualTo(60);
        assertThat(MlxMemory.budget(96, true, 72)).isEqualTo(96);
        assertThat(MlxMemory.budget(96, false, 0)).isEqualTo(96);
    }

    @Test
    void aDeviceTellsNumbersByName() {
        assertThat(Device.CPU.info("no such number")).isEmpty();
        if (Device.best() == Device.CPU) {
            assertThat(MlxMemory.recommendedBytes()).isZero();
        }
        MlxMemory.fitToDevice();
        assertThat(MlxMemory.limitBytes()).isPositive();
    }
}
