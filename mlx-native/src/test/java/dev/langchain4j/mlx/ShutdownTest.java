package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A JVM that is told to end in the middle of a computation lets it end in its time, and ends as one that has nothing to
 * do.
 */
class ShutdownTest {
    private static final int TERMINATED = 128 + 15;
    private static final int ROUNDS = 4;

    /** Multiplies matrices until its time is over, which the first argument says; the second is the grace period. */
    static final class Computing {
        private Computing() {}

        public static void main(String[] args) {
            long millis = Long.parseLong(args[0]);
            try (MlxThread thread = MlxThread.start("computing")) {
                thread.gracePeriod(Duration.ofMillis(Long.parseLong(args[1])));
                thread.run(() -> {
                    System.out.println("computing");
                    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
                    while (System.nanoTime() < end) {
                        try (Scope scope = Scope.open()) {
                            MlxArray a = MlxArray.of(new float[512 * 512], 512, 512);
                            Eval.async(Ops.matmul(Ops.matmul(a, a), a));
                        }
                    }
                });
                System.out.println("done");
            } catch (MlxException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    /** What a process writes that is told to end while it computes; how long it took to end is checked. */
    private static String terminated(long millis, long graceMillis, long secondsMax) throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Dlangchain4j.mlx.native.path=" + System.getProperty("langchain4j.mlx.native.path"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Computing.class.getName(),
                        "" + millis,
                        "" + graceMillis)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (BufferedReader output = process.inputReader()) {
            assertThat(output.readLine()).isEqualTo("computing");
            process.toHandle().destroy();
            assertThat(process.waitFor(secondsMax, TimeUnit.SECONDS))
                    .as("ended")
                    .isTrue();
            assertThat(process.exitValue()).as("exit code").isEqualTo(TERMINATED);
            return output.readLine();
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    @Timeout(120)
    void aSignalEndsTheProcessInTheMiddleOfAComputation() throws Exception {
        for (int i = 0; i < ROUNDS; i++) {
            terminated(600_000, 50 * i, 20);
        }
    }

    @Test
    @Timeout(120)
    void aTaskMayEndWithinItsGracePeriod() throws Exception {
        assertThat(terminated(1_000, 60_000, 30)).isEqualTo("done");
    }
}
