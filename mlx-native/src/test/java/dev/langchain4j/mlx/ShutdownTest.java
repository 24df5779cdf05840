package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A JVM that is told to end in the middle of a computation ends as one that has nothing to do. */
class ShutdownTest {
    private static final int TERMINATED = 128 + 15;
    private static final int ROUNDS = 4;

    /** Multiplies matrices until its JVM ends. */
    static final class Endless {
        private Endless() {}

        public static void main(String[] args) {
            try (MlxThread thread = MlxThread.start("endless")) {
                thread.run(() -> {
                    System.out.println("computing");
                    while (true) {
                        try (Scope scope = Scope.open()) {
                            MlxArray a = MlxArray.of(new float[512 * 512], 512, 512);
                            Eval.async(Ops.matmul(Ops.matmul(a, a), a));
                        }
                    }
                });
            }
        }
    }

    @Test
    @Timeout(120)
    void aSignalEndsTheProcessInTheMiddleOfAComputation() throws Exception {
        for (int i = 0; i < ROUNDS; i++) {
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-Dlangchain4j.mlx.native.path=" + System.getProperty("langchain4j.mlx.native.path"),
                            "-cp",
                            System.getProperty("java.class.path"),
                            Endless.class.getName())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (BufferedReader output = process.inputReader()) {
                assertThat(output.readLine()).isEqualTo("computing");
                process.destroy();
                assertThat(process.waitFor(20, TimeUnit.SECONDS)).as("ended").isTrue();
                assertThat(process.exitValue()).as("exit code").isEqualTo(TERMINATED);
            } finally {
                process.destroyForcibly();
            }
        }
    }
}
