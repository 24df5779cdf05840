package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import dev.langchain4j.model.mlx.cache.disk.Keys;
import dev.langchain4j.model.mlx.cache.disk.SharedPrefixes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Prefixes that ship with an application: what is found in them, beside memory and a disk, and that they never change.
 */
class SharedPrefixesTest {
    private static final Boundary SYSTEM = new Boundary(50, Tier.SYSTEM);
    private static final int[] PREFIX = range(0, 50);
    private static final int[] ANN = concat(PREFIX, range(1000, 1030));
    private static final DiskLimits LIMITS = DiskLimits.ofBytes(1 << 26);

    @TempDir
    Path temp;

    private Path shipped;
    private Path folder;

    @BeforeEach
    void folders() {
        shipped = temp.resolve("shipped");
        folder = temp.resolve("folder");
    }

    /** What a build leaves. */
    private void ship(Kind... kinds) {
        CacheHarness build = CacheHarness.of(1_000_000, kinds).onDisk(shipped, LIMITS);
        build.run(null, concat(PREFIX, range(900, 905)), new int[0], Outcome.CANCELLED, SYSTEM);
        build.close();
    }

    private CacheHarness open(boolean withDisk, Kind... kinds) {
        DiskStore store = withDisk
                ? DiskStore.open(folder, CacheHarness.IDENTITY, LIMITS, DiskStore.Clock.SYSTEM)
                : DiskStore.none();
        return CacheHarness.of(1_000_000, kinds)
                .onDisk(store, SharedPrefixes.open(shipped, CacheHarness.IDENTITY), LIMITS);
    }

    private static int answer(CacheHarness harness, Object conversation, int[] prompt) {
        return harness.run(conversation, prompt, new int[] {1, 2, 3}, Outcome.FINISHED, SYSTEM);
    }

    private Map<Path, FileTime> files() throws IOException {
        Map<Path, FileTime> times = new TreeMap<>();
        try (Stream<Path> files = Files.walk(shipped)) {
            for (Path file : files.toList()) {
                times.put(file, Files.getLastModifiedTime(file));
            }
        }
        return times;
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aFirstPromptStartsCachedAndNothingIsWritten(Kind kind) throws IOException {
        ship(Kind.SLICEABLE, kind);
        Map<Path, FileTime> before = files();
        CacheHarness first = open(false, Kind.SLICEABLE, kind);
        CacheHarness second = open(false, Kind.SLICEABLE, kind);
        for (CacheHarness harness : new CacheHarness[] {first, second}) {
            CacheSession session = harness.begin("ann", ANN, SYSTEM);
            assertThat(CacheHarness.restore(session, ANN)).isEqualTo(50);
            assertThat(session.plan().restoredTokens()).isEqualTo(50);
            assertThat(session.plan().prefixTokens()).isEqualTo(50);
            session.close(Outcome.CANCELLED);
            DiskStats stats = harness.access.sharedPrefixStats();
            assertThat(stats.on()).isTrue();
            assertThat(stats.hits()).isEqualTo(1);
            assertThat(stats.tokensRestored()).isEqualTo(50);
            assertThat(stats.bytesRead()).isPositive();
            assertThat(stats.bytesWritten()).isZero();
            assertThat(harness.access.diskStats().on()).isFalse();
            assertThat(harness.access.diskStats().reason()).isEqualTo("not configured");
            assertThat(answer(harness, "bob", ANN)).as("in memory now").isEqualTo(50);
            harness.access.clear().join();
            harness.access.evict("ann").join();
        }
        first.close();
        second.close();
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void aDiskBesideItHasWhatConversationsAddAndTheBetterOfBothIsTaken() {
        ship(Kind.SLICEABLE, Kind.RECURRENT);
        CacheHarness harness = open(true, Kind.SLICEABLE, Kind.RECURRENT);
        answer(harness, "ann", ANN);
        harness.settle();
        assertThat(harness.tier.stats().records())
                .as("the prefix is not written again")
                .isZero();
        harness.close();
        CacheHarness next = open(true, Kind.SLICEABLE, Kind.RECURRENT);
        int[] more = concat(ANN, new int[] {1, 2, 3}, range(1100, 1110));
        CacheSession session = next.begin("ann", more, SYSTEM);
        assertThat(CacheHarness.restore(session, more)).isEqualTo(ANN.length + 3);
        assertThat(session.plan().prefixTokens()).as("all of it is on disk").isZero();
        session.close(Outcome.CANCELLED);
        session = next.begin("bob", concat(range(0, 40), range(3, 7)), SYSTEM);
        session.close(Outcome.CANCELLED);
        next.close();
    }

    @Test
    void isolatedConversationsStartFromThemToo() {
        ship(Kind.SLICEABLE);
        CacheHarness harness = open(true, Kind.SLICEABLE);
        harness.isolation = Isolation.PER_MEMORY_ID;
        assertThat(answer(harness, "ann", ANN)).isEqualTo(50);
        assertThat(answer(harness, "bob", ANN)).as("nothing of ann's").isEqualTo(50);
        harness.close();
    }

    @Test
    void whatIsOfNoUseIsLeftAloneAndSaysWhy() throws IOException {
        SharedPrefixes missing = SharedPrefixes.open(shipped, CacheHarness.IDENTITY);
        assertThat(missing.stats().reason()).contains("is not a folder");
        ship(Kind.SLICEABLE);
        SharedPrefixes another = SharedPrefixes.open(shipped, "f".repeat(32));
        assertThat(another.isOn()).isFalse();
        assertThat(another.stats().reason()).contains("no cache of this model");
        Path manifest = shipped.resolve(CacheHarness.IDENTITY).resolve("manifest.log");
        byte[] bytes = Files.readAllBytes(manifest);
        bytes[8]++;
        Files.write(manifest, bytes);
        assertThat(SharedPrefixes.open(shipped, CacheHarness.IDENTITY).stats().reason())
                .contains("another version");
        assertThat(Files.readAllBytes(manifest)).isEqualTo(bytes);
        CacheHarness harness = open(false, Kind.SLICEABLE);
        assertThat(answer(harness, "ann", ANN)).isZero();
        assertThat(harness.access.sharedPrefixStats().on()).isFalse();
        harness.close();
        Files.delete(manifest);
        assertThat(SharedPrefixes.open(shipped, CacheHarness.IDENTITY).isOn()).isFalse();
        assertThat(manifest).doesNotExist();
    }

    @Test
    void encryptedFilesAreNone() {
        DiskStore store = DiskStore.open(shipped, CacheHarness.IDENTITY, LIMITS, DiskStore.Clock.SYSTEM, new Keys());
        CacheHarness build = CacheHarness.of(1_000_000, Kind.SLICEABLE).onDisk(store, SharedPrefixes.none(), LIMITS);
        answer(build, null, ANN);
        build.close();
        assertThat(SharedPrefixes.open(shipped, CacheHarness.IDENTITY).stats().reason())
                .contains("no cache of this model");
    }

    @Test
    void whatIsDamagedIsComputed() throws IOException {
        for (Kind kind : Kind.values()) {
            shipped = temp.resolve("shipped " + kind);
            ship(Kind.SLICEABLE, kind);
            try (Stream<Path> all = Files.walk(shipped)) {
                for (Path file : all.filter(Files::isRegularFile).toList()) {
                    damage(file, kind);
                }
            }
        }
    }

    private void damage(Path file, Kind kind) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        for (int at = 3; at < bytes.length; at += file.toString().endsWith(".seg") ? 4096 : 7) {
            byte[] flipped = bytes.clone();
            flipped[at] ^= 1;
            for (byte[] damaged : new byte[][] {flipped, java.util.Arrays.copyOf(bytes, at)}) {
                Files.write(file, damaged);
                CacheHarness harness = open(false, Kind.SLICEABLE, kind);
                assertThat(answer(harness, "ann", ANN)).isIn(0, 50);
                harness.close();
                assertThat(Files.readAllBytes(file)).isEqualTo(damaged);
            }
        }
        Files.write(file, bytes);
        CacheHarness whole = open(false, Kind.SLICEABLE, kind);
        assertThat(answer(whole, "ann", ANN)).isEqualTo(50);
        whole.close();
    }
}
