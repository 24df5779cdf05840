package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Agent workloads with a tenth of the memory that they would take, and the rest on disk: as much is reused as with
 * memory for all, and what is stored is written once. Prints a line a trace.
 */
class DiskTraceTest {
    /** Far less than any model takes for a token, so that headers weigh more here. */
    private static final int TOKEN_BYTES = 256;

    private static final DiskLimits LIMITS = DiskLimits.ofBytes(8L << 30).idleBeforeWrite(Duration.ZERO);

    @TempDir
    Path folder;

    private DiskStats stats;

    static Stream<Path> traces() throws IOException {
        return Files.list(Goldens.folder("cache-traces"))
                .filter(file -> file.toString().endsWith(".jsonl"))
                .sorted();
    }

    private void use(CacheHarness harness) {
        if (harness.tier == null) {
            harness.onDisk(folder, LIMITS, FakeLayer.codec(TOKEN_BYTES));
            harness.tier.memory(() -> Long.MAX_VALUE);
            // a token takes a byte in memory here
            harness.cache.usage().queuedBytes = () -> 0;
        }
        harness.settle();
        stats = harness.tier.stats();
    }

    @ParameterizedTest
    @MethodSource("traces")
    void aTenthOfTheMemoryAndADiskReuseWhatAllMemoryDoes(Path file) throws IOException {
        Trace trace = Trace.read(file);
        long[] most = new long[1];
        CacheLimits unlimited = CacheLimits.ofBytes(1L << 40);
        long all = trace.replay(
                unlimited,
                true,
                harness -> most[0] = Math.max(most[0], harness.stats().bytesHeld()));
        long tenth = Math.max(most[0] / 10, 2L * trace.longestPrompt());
        long memory = trace.replay(CacheLimits.ofBytes(tenth), true);
        long reused = trace.replay(CacheLimits.ofBytes(tenth), true, this::use);
        double share = 100.0 / trace.promptTokens();
        System.out.printf(
                "%-20s reused: all memory %.1f%%, %d%% of it %.1f%%, with a disk %.1f%%; write amplification %.3f%n",
                file.getFileName(),
                all * share,
                100 * tenth / most[0],
                memory * share,
                reused * share,
                stats.writeAmplification());
        assertThat(reused * share).isGreaterThanOrEqualTo(all * share - 1);
        assertThat(stats.writeAmplification()).isLessThan(1.1);
        assertThat(stats.misses()).isEmpty();
    }
}
