package dev.langchain4j.model.mlx.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RepositoryLockTest {

    /** Holds the lock until its input ends. */
    static final class Holder {
        private Holder() {}

        /** Locks the file that the argument names. */
        public static void main(String[] args) throws IOException, InterruptedException {
            try (RepositoryLock lock = RepositoryLock.acquire(Path.of(args[0]))) {
                System.out.write('L');
                System.out.flush();
                System.in.read();
            }
        }
    }

    @Test
    void anotherProcessIsWaitedForUntilItEnds(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("lock");
        Process holder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        file.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            assertThat(holder.getInputStream().read()).isEqualTo('L');
            CompletableFuture<Void> acquired = new CompletableFuture<>();
            Thread.ofPlatform().start(() -> {
                try (RepositoryLock lock = RepositoryLock.acquire(file)) {
                    acquired.complete(null);
                } catch (IOException | InterruptedException e) {
                    acquired.completeExceptionally(e);
                }
            });
            Thread.sleep(200);
            assertThat(acquired).isNotDone();
            holder.destroyForcibly();
            acquired.get(20, TimeUnit.SECONDS);
        } finally {
            holder.destroyForcibly();
        }
    }

    @Test
    void oneThreadWaitsForAnother(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("lock");
        CompletableFuture<Void> second = new CompletableFuture<>();
        try (RepositoryLock lock = RepositoryLock.acquire(file)) {
            Thread.ofVirtual().start(() -> {
                try (RepositoryLock other = RepositoryLock.acquire(file)) {
                    second.complete(null);
                } catch (IOException | InterruptedException e) {
                    second.completeExceptionally(e);
                }
            });
            Thread.sleep(50);
            assertThat(second).isNotDone();
        }
        second.get(20, TimeUnit.SECONDS);
    }
}
