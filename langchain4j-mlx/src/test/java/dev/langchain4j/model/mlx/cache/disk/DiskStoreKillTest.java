package dev.langchain4j.model.mlx.cache.disk;

import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.IDENTITY;
import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.concat;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A JVM that writes, evicts, moves and forgets is killed at a random moment; what it leaves is read, and another one
 * goes on. A dozen times; {@code -Dkills=500} for more.
 */
class DiskStoreKillTest {
    private static final int KILLS = Integer.getInteger("kills", 12);
    private static final DiskLimits LIMITS = DiskLimits.ofBytes(3 << 20);

    @TempDir
    Path root;

    /** The path of a user: some begin alike. */
    private static int[] path(long user) {
        int[] family = new Random(user % 7).ints(20, 0, 50).toArray();
        return concat(
                family, new Random(user).ints(10 + (int) (user % 40), 100, 5000).toArray());
    }

    /** What the killed JVM does. */
    public static final class Writer {
        public static void main(String[] args) {
            Random random = new Random(Long.parseLong(args[1]));
            long next = Long.parseLong(args[2]);
            Keys keys = Boolean.parseBoolean(args[3]) ? new Keys() : null;
            DiskStore store = DiskStore.open(Path.of(args[0]), IDENTITY, LIMITS, DiskStore.Clock.SYSTEM, keys);
            System.out.println(store.isOn() ? "on" : "off " + store.stats().reason());
            while (true) {
                long user = random.nextInt(4) == 0 ? Math.max(1, next - random.nextInt(20)) : next++;
                int[] path = path(user);
                System.out.println("storing " + user);
                Paths.store(store, user, path, 5 + random.nextInt(20), random.nextBoolean());
                Paths.read(store, path(Math.max(1, user - random.nextInt(10))));
                if (random.nextInt(3) == 0) {
                    long forgotten = Math.max(1, user - random.nextInt(10));
                    System.out.println("forgetting " + forgotten);
                    store.forget(List.of(forgotten)).join();
                    System.out.println("forgot " + forgotten);
                }
                System.out.println("stored " + user);
                if (random.nextInt(8) == 0) {
                    store.settled().join();
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatAKilledJvmLeavesIsRightOrMissing(boolean encrypted) throws IOException, InterruptedException {
        long seed = Seeds.seed(DiskStoreKillTest.class);
        System.out.println("kills: " + KILLS + ", seed " + seed + (encrypted ? ", encrypted" : ""));
        Random random = new Random(seed);
        long next = 1;
        Set<Long> forgotten = new HashSet<>();
        int found = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            Path output = root.resolve("output" + kill);
            Process child = start(random.nextLong(), next, encrypted, output);
            long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while (System.nanoTime() < deadline && Files.size(output) < 20) {
                Thread.sleep(5);
            }
            Thread.sleep(random.nextInt(kill % 4 == 0 ? 20 : 300));
            child.destroyForcibly().waitFor();
            List<String> lines = new ArrayList<>(Files.readAllLines(output));
            if (!Files.readString(output).endsWith("\n")) {
                lines.removeLast();
            }
            assertThat(lines).as("seed " + seed).first().isEqualTo("on");
            for (String line : lines) {
                long user = line.contains(" ") ? Long.parseLong(line.substring(line.indexOf(' ') + 1)) : 0;
                if (line.startsWith("stored")) {
                    next = Math.max(next, user + 1);
                } else if (line.startsWith("forgot ")) {
                    forgotten.add(user);
                }
                if (!line.startsWith("forgot")) {
                    forgotten.remove(user);
                }
            }
            found += check(next, forgotten, encrypted, "seed " + seed + ", kill " + kill);
        }
        assertThat(found).as("tokens that were there").isPositive();
    }

    private Process start(long seed, long next, boolean encrypted, Path output) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Xshare:auto",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Writer.class.getName(),
                        root.toString(),
                        Long.toString(seed),
                        Long.toString(next),
                        Boolean.toString(encrypted))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .redirectOutput(output.toFile())
                .start();
    }

    private int check(long next, Set<Long> forgotten, boolean encrypted, String what) throws IOException {
        int found = 0;
        Keys keys = encrypted ? new Keys() : null;
        try (DiskStore store = DiskStore.open(root, IDENTITY, LIMITS, DiskStore.Clock.SYSTEM, keys)) {
            assertThat(store.isOn()).as(what + ": " + store.stats().reason()).isTrue();
            for (long user = Math.max(1, next - 200); user <= next; user++) {
                int read = Paths.read(store, path(user));
                found += read;
                if (forgotten.contains(user)) {
                    // what it has in common with its family may be there
                    assertThat(read).as(what + ", forgotten user " + user).isLessThanOrEqualTo(20);
                }
            }
            store.settled().join();
            assertThat(store.stats().misses().keySet()).as(what).isSubsetOf("cut off");
        }
        try (Stream<Path> files = Files.list(Paths.folder(root))) {
            long bytes = files.mapToLong(file -> file.toFile().length()).sum();
            assertThat(bytes).as(what).isLessThanOrEqualTo(LIMITS.bytesMax());
        }
        return found;
    }

    @Test
    void pathsOfAFamilyBeginAlike() {
        assertThat(Arrays.mismatch(path(3), path(10))).isEqualTo(20);
    }
}
