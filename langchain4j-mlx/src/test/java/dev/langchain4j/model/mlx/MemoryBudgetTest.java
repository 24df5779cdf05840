package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What prompt caches of one process may take together, and what a container leaves them. */
class MemoryBudgetTest {
    private long active;
    private final MemoryBudget budget = new MemoryBudget(() -> 1000, () -> active);

    @Test
    void aDefaultIsHalfOfWhatWeightsAndOtherCachesLeave() {
        active = 200;
        MemoryBudget.Claim first = budget.claim(null);
        assertThat(first.limits().bytesMax()).isEqualTo(400);
        first.heldBy(() -> 100);
        active = 200 + 100 + 100;
        MemoryBudget.Claim second = budget.claim(null);
        assertThat(second.limits().bytesMax())
                .as("100 of what is active are the first cache's")
                .isEqualTo(150);
        assertThat(first.limits().buffersMax() + second.limits().buffersMax()).isLessThan(499_000);
        first.close();
        second.close();
        active = 200;
        assertThat(budget.claim(null).limits().bytesMax()).isEqualTo(400);
    }

    @Test
    void limitsThatWereSetHoldAndCount() {
        CacheLimits own = CacheLimits.ofBytes(900);
        assertThat(budget.claim(own).limits()).isSameAs(own);
        assertThat(budget.claim(null).limits().bytesMax()).isEqualTo(50);
        budget.claim(CacheLimits.ofBytes(Long.MAX_VALUE));
        assertThat(budget.claim(null).limits().bytesMax()).isZero();
    }

    @Test
    void loadedModelsDoNotPromiseTheSameMemoryTwice() {
        try (MlxModel first = MlxModel.load(DemoModel.folder());
                MlxModel second = MlxModel.load(DemoModel.folder())) {
            assertThat(first.promptCache()).isNotSameAs(second.promptCache());
            CacheLimits third = MemoryBudget.SHARED.claim(null).limits();
            assertThat(third.bytesMax()).isPositive().isLessThan(dev.langchain4j.mlx.MlxMemory.limitBytes() / 4);
        }
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
