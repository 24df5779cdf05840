package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.MemoryDevice;
import dev.langchain4j.mlx.MemoryLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;

/** The limits that docs/memory.md tells are those that Macs of these sizes get. */
class MemoryPageTest {
    private static final long MIB = 1 << 20;
    private static final long GIB = 1 << 30;
    private static final List<MemoryDevice> MACS = List.of(
            FakeProcess.mac(8 * GIB, 5_726_633_984L),
            FakeProcess.mac(16 * GIB, 11_453_251_584L),
            FakeProcess.mac(64 * GIB, 51_539_607_552L));
    /** Weights of Qwen3-4B at 4 bits. */
    private static final long WEIGHTS = 2_160 * MIB;

    private static String row(String name, String unit, ToLongFunction<MemoryDevice> value) {
        StringBuilder row = new StringBuilder("| ").append(name).append(" |");
        for (MemoryDevice mac : MACS) {
            row.append(String.format(Locale.ROOT, " %,d%s |", value.applyAsLong(mac), unit));
        }
        return row.toString();
    }

    private static String mebibytes(String name, ToLongFunction<MemoryLimits> bytes) {
        return row(name, " MiB", mac -> bytes.applyAsLong(MemoryLimits.of(mac)) / MIB);
    }

    /** Bytes that the prompt cache of each of so many models gets. */
    private static long share(MemoryDevice mac, int models) {
        FakeProcess process = new FakeProcess(mac);
        MemoryBudget budget = new MemoryBudget(process);
        MemoryBudget.Claim last = null;
        for (int i = 0; i < models; i++) {
            if (!budget.fits(WEIGHTS)) {
                return 0;
            }
            process.weights += WEIGHTS;
            last = budget.claim(null);
        }
        return last.bytesMax();
    }

    /** The largest weights that fit, to a MiB. */
    private static long largest(MemoryDevice mac) {
        MemoryBudget budget = new MemoryBudget(new FakeProcess(mac));
        long bytes = 0;
        for (long step = 64 * GIB; step >= MIB; step /= 2) {
            bytes += budget.fits(bytes + step) ? step : 0;
        }
        return bytes;
    }

    private static long buffers(MemoryDevice mac, int models) {
        MemoryBudget budget = new MemoryBudget(new FakeProcess(mac));
        MemoryBudget.Claim last = null;
        for (int i = 0; i < models; i++) {
            last = budget.claim(null);
        }
        return last.buffersMax();
    }

    @Test
    void thePageHasTheLimitsOfEachMac() throws IOException {
        Path root = Path.of(System.getProperty("project.root", ".."));
        assertThat(Files.readString(root.resolve("docs/memory.md")).lines())
                .contains(
                        row("working set that Metal recommends", " MiB", mac -> mac.recommendedBytes() / MIB),
                        mebibytes("all models together; stays resident (wired)", MemoryLimits::budgetBytes),
                        row("largest weights of a single model", " MiB", mac -> largest(mac) / MIB),
                        row("prompt cache, with one model of 2,160 MiB", " MiB", mac -> share(mac, 1) / MIB),
                        row("prompt cache of each, with two of them", " MiB", mac -> share(mac, 2) / MIB),
                        mebibytes("freed memory that MLX keeps for reuse", MemoryLimits::freedBytes),
                        mebibytes("footprint of the process", MemoryLimits::footprintBytes),
                        row("native buffers of the prompt cache, one model", "", mac -> buffers(mac, 1)),
                        row("native buffers of each prompt cache, two models", "", mac -> buffers(mac, 2)),
                        mebibytes("attention scores of a chunk, in a layer", MemoryLimits::scoreBytes),
                        row("tokens of a prefill chunk", "", mac -> MemoryLimits.of(mac)
                                .prefillChunkTokens()));
        for (MemoryDevice mac : MACS) {
            MemoryLimits limits = MemoryLimits.of(mac);
            assertThat(limits.wiredBytes()).isEqualTo(limits.budgetBytes());
        }
    }

    @Test
    void withoutAGpuTheMemoryCounts() {
        MemoryLimits limits = MemoryLimits.of(new MemoryDevice() {
            @Override
            public long recommendedBytes() {
                return 0;
            }

            @Override
            public boolean sharesMemory() {
                return true;
            }

            @Override
            public long memoryBytes() {
                return 16 * GIB;
            }

            @Override
            public long buffersMax() {
                return 0;
            }
        });
        assertThat(limits.budgetBytes()).isEqualTo(16 * GIB / 5 * 4);
        assertThat(limits.wiredBytes()).isZero();
        assertThat(limits.footprintBytes()).isEqualTo(14 * GIB);
        assertThat(limits.prefillChunkTokens()).isEqualTo(512);
    }
}
