package dev.langchain4j.model.mlx.cache.disk;

import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.IDENTITY;
import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.concat;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random operations against a naive model: a list of what each user needs. Whatever is read is right; what was
 * forgotten is not found; with room for all, all that is needed is there. {@code -Dseed=N} repeats one run.
 */
class DiskStoreRandomTest {
    private static final int USERS = 5;

    @TempDir
    Path root;

    private Random random;
    private DiskLimits limits;
    private long millis = 1L << 40;
    private DiskStore store;
    /** Null where nothing is encrypted. */
    private Keys keys;

    private boolean lossless;
    private final Map<Long, List<int[]>> needed = new HashMap<>();
    private final List<int[]> all = new ArrayList<>();

    @RepeatedTest(40)
    void whatIsReadIsRightAndWhatIsForgottenIsGone(RepetitionInfo repetition) throws IOException {
        long seed = Long.getLong("seed", 100L + repetition.getCurrentRepetition());
        random = new Random(seed);
        lossless = random.nextBoolean();
        limits = DiskLimits.ofBytes(lossless ? 1L << 28 : 1L << 20);
        keys = random.nextBoolean() ? new Keys() : null;
        try {
            open();
            for (int step = 0; step < 150; step++) {
                operate();
            }
            check();
            store.close();
        } catch (Throwable e) {
            throw new AssertionError(
                    "seed " + seed + (lossless ? ", roomy" : ", little room") + (keys == null ? "" : ", encrypted"), e);
        }
    }

    private void open() {
        store = DiskStore.open(root, IDENTITY, limits, new DiskStore.Clock(() -> millis, () -> 0), keys);
    }

    private void operate() throws IOException {
        int choice = random.nextInt(20);
        long user = 1 + random.nextInt(USERS);
        if (choice < 11) {
            boolean noOthers = random.nextInt(3) > 0;
            int[] path = path();
            Paths.store(store, user, path, lossless ? 1 : 1 + random.nextInt(30), noOthers);
            List<int[]> own = needed.computeIfAbsent(user, unknown -> new ArrayList<>());
            if (noOthers) {
                own.clear();
            }
            own.add(path);
            all.add(path);
        } else if (choice < 15) {
            check();
        } else if (choice < 17) {
            forget(user);
        } else if (choice < 19) {
            store.close();
            millis += random.nextInt(3) == 0 ? -3_600_000L * random.nextInt(1000) : 1000;
            open();
        } else if (random.nextInt(5) == 0) {
            store.clear().join();
            needed.clear();
        }
    }

    private int[] path() {
        int[] start = all.isEmpty() ? new int[0] : all.get(random.nextInt(all.size()));
        int keep = random.nextInt(3) == 0 ? random.nextInt(start.length + 1) : start.length;
        int[] path = concat(
                Arrays.copyOf(start, keep),
                random.ints(1 + random.nextInt(12), 0, 3).toArray());
        return path.length > 80 ? Arrays.copyOf(path, 20) : path;
    }

    private void forget(long user) {
        List<int[]> own = needed.getOrDefault(user, List.of());
        needed.remove(user);
        store.forget(List.of(user)).join();
        for (int[] path : own) {
            int mayStay = needed.values().stream()
                    .flatMap(List::stream)
                    .mapToInt(other -> common(other, path))
                    .max()
                    .orElse(0);
            assertThat(Paths.read(store, path)).as("read of a forgotten path").isLessThanOrEqualTo(mayStay);
        }
        if (keys != null) {
            // What it wrote first is gone for those, too, who shared it, until they write it themselves.
            needed.forEach((other, paths) -> paths.forEach(path -> Paths.store(store, other, path, 1, false)));
        }
    }

    private static int common(int[] a, int[] b) {
        int mismatch = Arrays.mismatch(a, b);
        return mismatch < 0 ? a.length : mismatch;
    }

    private void check() throws IOException {
        store.settled().join();
        assertThat(store.stats().bytesQueued()).isZero();
        assertThat(store.stats().reason()).isEmpty();
        for (List<int[]> paths : needed.values()) {
            for (int[] path : paths) {
                int read = Paths.read(store, path);
                if (lossless) {
                    assertThat(read).isEqualTo(path.length);
                    assertThat(store.match(0, path).stateAt(path.length)).isNotNull();
                }
            }
        }
        long bytes = 0;
        try (Stream<Path> files = Files.list(Paths.folder(root))) {
            for (Path file : files.toList()) {
                bytes += Files.size(file);
            }
        }
        assertThat(bytes).as("bytes of all files").isLessThanOrEqualTo(limits.bytesMax());
        assertThat(store.stats().misses().keySet()).as("reasons").isSubsetOf("no room", "not written");
    }
}
