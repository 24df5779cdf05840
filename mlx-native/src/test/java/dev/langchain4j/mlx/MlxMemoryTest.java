package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
    void theBudgetIsThatOfTheDeviceUnlessTheApplicationSaysOtherwise() {
        MemoryLimits limits = MlxMemory.limits();
        MlxMemory.fitToDevice();
        assertThat(limits.budgetBytes()).isPositive();
        assertThat(limits.footprintBytes()).isGreaterThanOrEqualTo(MlxMemory.footprintBytes());
        if (Device.best() == Device.CPU) {
            assertThat(limits.wiredBytes()).isZero();
            assertThat(limits.sharesMemory()).isTrue();
        }
        long before = MlxMemory.setLimit(12345);
        assertThat(MlxMemory.budgetBytes()).isEqualTo(12345);
        assertThat(MlxMemory.limits()).isEqualTo(limits);
        MlxMemory.setLimit(before);
        assertThat(MlxMemory.budgetBytes()).isEqualTo(before);
    }

    @Test
    void aDeviceTellsNumbersByName() {
        assertThat(Device.CPU.info("no such number")).isEmpty();
    }

    @Test
    void theFootprintGrowsWithWhatTheProcessTakes() {
        long before = MlxMemory.footprintBytes();
        assertThat(before).as("of a Java process").isGreaterThan(20 << 20);
        try (Arena arena = Arena.ofConfined()) {
            arena.allocate(64 << 20).fill((byte) 1);
            assertThat(MlxMemory.footprintBytes() - before).isGreaterThan(48 << 20);
        }
    }

    @Test
    void theFootprintHasALimitThatCanBeSet() {
        long limit = MlxMemory.footprintLimitBytes();
        MlxMemory.setFootprintLimit(1 << 30);
        assertThat(MlxMemory.footprintLimitBytes()).isEqualTo(1 << 30);
        MlxMemory.setFootprintLimit(limit);
        assertThatThrownBy(() -> MlxMemory.setFootprintLimit(0))
                .hasMessage("footprint limit (0 bytes) must be positive");
    }

    @Test
    void theLimitOfAControlGroupCountsInBothVersions(@TempDir Path folder) throws Exception {
        Path groups = folder.resolve("cgroup");
        Path mount = folder.resolve("mount");
        assertThat(ContainerMemory.limitBytes(groups, mount)).as("no Linux").isEqualTo(Long.MAX_VALUE);

        Files.writeString(groups, "0::/\n");
        write(mount.resolve("memory.max"), "536870912\n");
        assertThat(ContainerMemory.limitBytes(groups, mount)).isEqualTo(512L << 20);
        write(mount.resolve("memory.max"), "max\n");
        assertThat(ContainerMemory.limitBytes(groups, mount)).isEqualTo(Long.MAX_VALUE);

        Files.writeString(groups, "0::/kubepods/pod1\n");
        write(mount.resolve("kubepods/memory.max"), "4096\n");
        write(mount.resolve("kubepods/pod1/memory.max"), "max\n");
        assertThat(ContainerMemory.limitBytes(groups, mount))
                .as("of a group above")
                .isEqualTo(4096);

        Files.writeString(groups, "11:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n");
        write(mount.resolve("memory/memory.limit_in_bytes"), "2048\n");
        assertThat(ContainerMemory.limitBytes(groups, mount))
                .as("version 1, seen from inside")
                .isEqualTo(2048);
        write(mount.resolve("memory/memory.limit_in_bytes"), "9223372036854771712\n");
        assertThat(ContainerMemory.limitBytes(groups, mount)).isEqualTo(Long.MAX_VALUE);
        write(mount.resolve("memory/docker/abc/memory.limit_in_bytes"), "1024\n");
        assertThat(ContainerMemory.limitBytes(groups, mount)).isEqualTo(1024);
    }

    private static void write(Path file, String text) throws Exception {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }
}
