package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A process that closed its models holds what it held before it loaded them, cycle after cycle. */
@EnabledOnOs(OS.LINUX)
class GivenBackMemoryTest {
    private static final int CYCLES = 4;
    private static final String TEMPLATE =
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n";

    /** Loads, uses and closes a model several times, and prints what the process holds in between. */
    static final class Cycles {
        private Cycles() {}

        public static void main(String[] args) throws Exception {
            for (int i = 0; i < CYCLES; i++) {
                long loaded;
                try (MlxModel model = MlxModel.load(Path.of(args[0]))) {
                    MlxChatModel.builder()
                            .model(model)
                            .maxOutputTokens(4)
                            .build()
                            .chat("Hello! ".repeat(100));
                    loaded = residentKib();
                }
                if (MlxMemory.activeBytes() != 0 || MlxMemory.cacheBytes() != 0 || MlxMemory.weightBytes() != 0) {
                    throw new IllegalStateException("MLX holds memory");
                }
                System.out.println(loaded + " " + residentKib());
            }
        }

        private static long residentKib() throws IOException {
            System.gc();
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Test
    @Timeout(300)
    void aClosedModelLeavesNothingBehind(@TempDir Path folder) throws Exception {
        RandomModel.write(folder, TEMPLATE, List.of(), 1, 512, 8);
        long weightsKib = Files.size(folder.resolve("model.safetensors")) >> 10;
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xms64m",
                        "-Xmx64m",
                        "-XX:+UseSerialGC",
                        "-XX:+AlwaysPreTouch",
                        "--enable-native-access=ALL-UNNAMED",
                        "-Dlangchain4j.mlx.native.path=" + System.getProperty("langchain4j.mlx.native.path"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Cycles.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(output).isZero();
        List<Long> closed = new ArrayList<>();
        for (String line : output.lines().filter(l -> l.matches("\\d+ \\d+")).toList()) {
            String[] kib = line.split(" ");
            long loaded = Long.parseLong(kib[0]);
            closed.add(Long.parseLong(kib[1]));
            assertThat(loaded - closed.getLast()).as(output).isGreaterThan(weightsKib * 9 / 10);
        }
        // The JVM loads classes, compiles and keeps stacks for longer than a cycle; a model that is left adds its
        // weights.
        assertThat(closed).hasSize(CYCLES);
        assertThat(closed.getLast() - closed.getFirst()).as(output).isLessThan(weightsKib / 2);
    }
}
