package dev.langchain4j.model.mlx.cache.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskStoreTest {
    static final String IDENTITY = "0123456789abcdef0123456789abcdef";
    private static final long MB = 1 << 20;
    private static final long DAY = 24 * 3600_000L;
    private static final int[] SYSTEM = range(0, 100);
    private static final int[] ANN = concat(SYSTEM, range(1000, 1200));
    private static final int[] BOB = concat(SYSTEM, range(2000, 2100));

    @TempDir
    Path root;

    private long millis = 100 * DAY;
    private long nanos;
    private DiskLimits limits = DiskLimits.ofBytes(64 * MB);
    private Segments.Disk disk = Segments::writeAll;
    private DiskStore store;

    static int[] range(int from, int to) {
        return java.util.stream.IntStream.range(from, to).toArray();
    }

    static int[] concat(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    @BeforeEach
    void open() {
        store = open(IDENTITY);
    }

    private DiskStore open(String identity) {
        return DiskStore.open(root, identity, limits, new DiskStore.Clock(() -> millis, () -> nanos), null, disk);
    }

    private void reopen() {
        store.close();
        open();
        settle();
    }

    private void settle() {
        store.settled().join();
    }

    @AfterEach
    void close() {
        store.close();
    }

    private void store(long user, int[] tokens) {
        Paths.store(store, user, tokens, 50, false);
        settle();
    }

    private Path folder() {
        return root.resolve(IDENTITY);
    }

    private List<Path> files(String suffix) throws IOException {
        try (Stream<Path> files = Files.list(folder())) {
            return files.filter(file -> file.toString().endsWith(suffix))
                    .sorted()
                    .toList();
        }
    }

    private boolean onDisk(int[] tokens, int from, int to) throws IOException {
        byte[] wanted = new byte[(to - from) * Paths.TOKEN_BYTES];
        Paths.edge(tokens, from, to).getFirst().bytes().get(wanted);
        String text = new String(wanted, StandardCharsets.ISO_8859_1);
        for (Path file : files(".seg")) {
            if (new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(text)) {
                return true;
            }
        }
        return false;
    }

    @Test
    void aPathIsFoundAndReadAfterOpeningAnew() {
        store(1, ANN);
        assertThat(Paths.read(store, ANN)).isEqualTo(300);
        reopen();
        assertThat(Paths.read(store, ANN)).isEqualTo(300);
        assertThat(store.match(0, ANN).stateAt(300)).isNotNull();
        assertThat(store.match(0, concat(ANN, range(0, 5))).matched()).isEqualTo(300);
        DiskPath other = store.match(0, concat(SYSTEM, new int[] {7}));
        assertThat(other.matched()).isEqualTo(100);
        assertThat(other.nextToken()).isEqualTo(1000);
        assertThat(store.match(5, ANN)).isEqualTo(DiskPath.NONE);
    }

    @Test
    void whatIsSharedIsWrittenOnce() {
        store(1, ANN);
        store(2, BOB);
        DiskPath bob = store.match(0, BOB);
        assertThat(bob.edgeTo(100)).isSameAs(store.match(0, ANN).edgeTo(100));
        assertThat(Paths.read(store, BOB)).isEqualTo(200);
        long distinct = 2L * Paths.TOKEN_BYTES * 400 + 200;
        assertThat(store.stats().bytesKept()).isEqualTo(distinct);
    }

    @Test
    void whatIsForgottenIsGoneFromTheFilesAndWhatOthersNeedStays() throws IOException {
        store(1, ANN);
        store(2, BOB);
        assertThat(onDisk(ANN, 150, 160)).isTrue();
        store.forget(List.of(1L)).join();
        assertThat(onDisk(ANN, 150, 160)).isFalse();
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
        assertThat(Paths.read(store, BOB)).isEqualTo(200);
        reopen();
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
        assertThat(Paths.read(store, BOB)).isEqualTo(200);
        store.forget(List.of(2L)).join();
        assertThat(files(".seg")).isEmpty();
        assertThat(store.stats().records()).isZero();
    }

    @Test
    void aRecordThatOthersNeedInPartGoesWithWhoNeededTheRest() throws IOException {
        Paths.store(store, 1, ANN, 128, false);
        store(2, BOB);
        assertThat(store.match(0, BOB).edgeTo(100).end()).isEqualTo(128);
        store.forget(List.of(1L)).join();
        assertThat(onDisk(ANN, 110, 120)).isFalse();
        assertThat(Paths.read(store, BOB)).isZero();
        store(3, ANN);
        store.need(4, List.of(new Need(store.match(0, ANN).edgeTo(260), 260)), false);
        reopen();
        store.forget(List.of(3L)).join();
        assertThat(onDisk(ANN, 270, 280)).as("behind what was restored").isFalse();
        assertThat(Paths.read(store, ANN)).isEqualTo(250);
    }

    @Test
    void whatWaitsToBeWrittenForAForgottenUserIsNotFoundLater() throws IOException {
        Paths.store(store, 1, ANN, 8, false);
        store.forget(List.of(1L)).join();
        assertThat(onDisk(ANN, 150, 160)).isFalse();
        assertThat(store.stats().bytesQueued()).isZero();
        reopen();
        assertThat(Paths.read(store, ANN)).isZero();
    }

    @Test
    void aConversationThatGoesOnElsewhereLeavesItsOldBranch() throws IOException {
        Paths.store(store, 1, ANN, 64, true);
        int[] rewritten = concat(SYSTEM, range(1000, 1050), range(5000, 5100));
        Paths.store(store, 1, rewritten, 64, true);
        settle();
        assertThat(Paths.read(store, rewritten)).isEqualTo(250);
        assertThat(store.match(0, ANN).stateAt(300)).isNull();
        store.forget(List.of(1L)).join();
        assertThat(onDisk(ANN, 250, 260)).isFalse();
    }

    @Test
    void notesAndNamesGoWithTheirUser() throws IOException {
        store.name(1, "ann".getBytes(StandardCharsets.UTF_8));
        store.note(1, "secret of ann".getBytes(StandardCharsets.UTF_8));
        store.note(2, "of bob".getBytes(StandardCharsets.UTF_8));
        reopen();
        assertThat(store.names()).containsOnlyKeys(1L);
        assertThat(store.takeNotes()).hasSize(2);
        assertThat(store.takeNotes()).isEmpty();
        store.forget(List.of(1L)).join();
        assertThat(store.names()).isEmpty();
        for (Path file : files(".log")) {
            assertThat(Files.readString(file, StandardCharsets.ISO_8859_1)).doesNotContain("secret");
        }
        reopen();
        assertThat(store.takeNotes()).hasSize(1);
    }

    @Test
    void clearDeletesAll() throws IOException {
        store(1, ANN);
        store.name(2, new byte[] {1});
        store.clear().join();
        assertThat(store.stats().records()).isZero();
        assertThat(files(".seg")).isEmpty();
        store(1, BOB);
        reopen();
        assertThat(Paths.read(store, BOB)).isEqualTo(200);
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
        assertThat(store.names()).containsOnlyKeys(1L);
    }

    @Test
    void theLimitOfBytesHoldsAndTheLeastRecentlyUsedGoesFirst() throws IOException {
        limits = DiskLimits.ofBytes(4 * MB);
        reopen();
        Random random = new Random(1);
        List<int[]> paths = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            int[] path = random.ints(300, 0, 1_000_000).toArray();
            paths.add(path);
            store(i + 1, path);
            store.use(store.match(0, paths.getFirst()).last());
            long bytes = 0;
            for (Path file : files("")) {
                bytes += Files.size(file);
            }
            assertThat(bytes).isLessThanOrEqualTo(4 * MB);
        }
        assertThat(Paths.read(store, paths.getFirst()))
                .as("used again and again")
                .isEqualTo(300);
        assertThat(Paths.read(store, paths.getLast())).isEqualTo(300);
        assertThat(Paths.read(store, paths.get(5))).isZero();
        assertThat(store.stats().evicted()).isPositive();
        reopen();
        assertThat(Paths.read(store, paths.getFirst())).isEqualTo(300);
    }

    @Test
    void filesOfWhichLittleIsNeededAreGivenUpAndWhatIsNeededIsMoved() throws IOException {
        limits = DiskLimits.ofBytes(MB);
        reopen();
        store(1000, SYSTEM);
        for (int user = 1; user <= 8; user++) {
            store(user, range(10_000 * user, 10_000 * user + 30));
        }
        String first = files(".seg").getFirst().getFileName().toString();
        store.forget(List.of(1L, 2L, 3L)).join();
        for (int i = 0; i < 200; i++) {
            store.settled();
        }
        settle();
        assertThat(Paths.read(store, SYSTEM)).isEqualTo(100);
        assertThat(Paths.read(store, range(80_000, 80_030))).isEqualTo(30);
        reopen();
        assertThat(Paths.read(store, SYSTEM)).as("was in " + first).isEqualTo(100);
    }

    @Test
    void theBytesOfADayHoldAcrossStarts() {
        limits = DiskLimits.ofBytes(64 * MB).bytesPerDay(400_000);
        reopen();
        assertThat(store.takes(300_000)).isTrue();
        store(1, ANN);
        store(2, BOB);
        reopen();
        assertThat(store.takes(390_000)).isFalse();
        assertThat(store.stats().reason()).contains("day");
        nanos += Duration.ofHours(23).toNanos();
        assertThat(store.takes(300_000)).isTrue();
        assertThat(store.stats().reason()).isEmpty();
    }

    @Test
    void idleAndOldRecordsGoAndAClockThatGoesBackDoesNoHarm() {
        store(1, ANN);
        millis -= 50 * DAY;
        reopen();
        assertThat(Paths.read(store, ANN)).as("written in the future").isEqualTo(300);
        store(2, BOB);
        millis += 20 * DAY;
        reopen();
        assertThat(Paths.read(store, BOB)).isEqualTo(200);
        millis += 31 * DAY;
        reopen();
        assertThat(Paths.read(store, BOB)).as("unused for longer than allowed").isLessThanOrEqualTo(100);
        for (int i = 0; i < 5; i++) {
            store(1, ANN);
            millis += 20 * DAY;
            store.use(store.match(0, ANN).last());
            reopen();
        }
        assertThat(Paths.read(store, ANN)).as("older than allowed").isZero();
    }

    @Test
    void aDiskThatIsFullStopsWritingAndNothingElse() {
        store(1, ANN);
        AtomicInteger left = new AtomicInteger(3);
        store.close();
        disk = (FileChannel file, java.nio.ByteBuffer bytes, long position) -> {
            if (left.getAndDecrement() <= 0) {
                throw new IOException("No space left on device");
            }
            Segments.writeAll(file, bytes, position);
        };
        open();
        store(2, BOB);
        assertThat(store.stats().reason()).contains("No space left on device");
        assertThat(store.takes(1)).isFalse();
        assertThat(Paths.read(store, ANN)).isEqualTo(300);
        store.forget(List.of(1L)).join();
        assertThat(Paths.read(store, ANN)).isZero();
        disk = Segments::writeAll;
        reopen();
        assertThat(Paths.read(store, ANN)).isZero();
        store(2, BOB);
        assertThat(Paths.read(store, BOB)).isEqualTo(200);
    }

    @Test
    void aSecondUserOfTheFolderRunsWithoutAndLeavesItAlone() {
        store(1, ANN);
        try (DiskStore second = open(IDENTITY)) {
            assertThat(second.isOn()).isFalse();
            assertThat(second.stats().reason()).contains("uses");
            assertThat(second.match(0, ANN)).isEqualTo(DiskPath.NONE);
            assertThat(second.addEdge(1, 1, 0, DiskPath.NONE, ANN, List.of())).isNull();
            second.forget(List.of(1L)).join();
            second.clear().join();
        }
        assertThat(Paths.read(store, ANN)).isEqualTo(300);
    }

    @Test
    void anotherIdentityIsAnotherFolderWhichGoesWhenNobodyUsesIt() throws IOException {
        store(1, ANN);
        store.close();
        Path unknown = Files.createDirectories(root.resolve("mine"));
        DiskStore other = open("f".repeat(32));
        assertThat(other.match(0, ANN)).isEqualTo(DiskPath.NONE);
        other.settled().join();
        other.close();
        assertThat(folder()).exists();
        Files.walk(folder()).forEach(file -> file.toFile().setLastModified(DAY));
        DiskStore later = open("f".repeat(32));
        later.settled().join();
        later.close();
        assertThat(folder()).doesNotExist();
        assertThat(unknown).exists();
        open();
    }

    @Test
    void onlyTheOwnerMayReadTheFiles() throws IOException {
        store(1, ANN);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder())))
                .isEqualTo("rwx------");
        for (Path file : files("")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .isEqualTo("rw-------");
        }
    }

    @Test
    void linksAreNotFollowed() throws IOException {
        store.close();
        Path elsewhere = Files.createDirectories(root.resolve("elsewhere"));
        Path link = root.resolve("a".repeat(32));
        Files.createSymbolicLink(link, elsewhere);
        try (DiskStore linked = open("a".repeat(32))) {
            assertThat(linked.isOn()).isFalse();
        }
        open();
        store(1, ANN);
        store.close();
        Path segment = files(".seg").getFirst();
        Path moved = elsewhere.resolve("x");
        Files.move(segment, moved);
        Files.createSymbolicLink(segment, moved);
        open();
        assertThat(Paths.read(store, ANN)).isZero();
        assertThat(moved).exists();
        store.close();
        Path manifest = folder().resolve("manifest.log");
        Files.delete(manifest);
        Files.createSymbolicLink(manifest, moved);
        open();
        assertThat(store.isOn()).isFalse();
        assertThat(Files.isSymbolicLink(manifest)).isTrue();
        assertThat(Files.exists(moved, LinkOption.NOFOLLOW_LINKS)).isTrue();
    }

    @Test
    void foreignFilesStayAndOwnOnesThatNobodyNeedsGo() throws IOException {
        store(1, ANN);
        store.close();
        Files.writeString(folder().resolve("readme.txt"), "mine");
        Files.writeString(folder().resolve("00000000000000ff.seg"), "nobody knows it");
        Files.writeString(folder().resolve("manifest.log.tmp"), "unfinished");
        open();
        assertThat(folder().resolve("readme.txt")).exists();
        assertThat(folder().resolve("00000000000000ff.seg")).doesNotExist();
        assertThat(folder().resolve("manifest.log.tmp")).doesNotExist();
        assertThat(Paths.read(store, ANN)).isEqualTo(300);
    }

    @Test
    void manyStartsLeaveFewFiles() throws IOException {
        for (int i = 0; i < 20; i++) {
            store(i + 1, range(10_000 * i, 10_000 * i + 20));
            reopen();
        }
        assertThat(files(".seg")).hasSize(1);
        assertThat(store.stats().records()).isEqualTo(40);
    }

    @Test
    void aManifestThatSaysLittleIsWrittenAnew() throws IOException {
        store(1, ANN);
        for (int i = 0; i < 6000; i++) {
            Paths.store(store, 1, ANN, 64, true);
        }
        settle();
        assertThat(Files.size(folder().resolve("manifest.log"))).isLessThan(96 * 14_000);
        reopen();
        assertThat(Paths.read(store, ANN)).isEqualTo(300);
        assertThat(store.match(0, ANN).stateAt(300)).isNotNull();
    }

    @Test
    void limitsAreChecked() {
        assertThatThrownBy(() -> DiskLimits.ofBytes(5)).hasMessageContaining("bytesMax (5)");
        assertThatThrownBy(() -> limits.bytesPerDay(-1)).hasMessageContaining("bytesPerDay (-1)");
        assertThatThrownBy(() -> limits.keeping(Duration.ofDays(-1), Duration.ZERO))
                .hasMessageContaining("idleMax (PT-24H)");
        assertThat(DiskStats.NONE.writeAmplification()).isEqualTo(1);
        assertThat(DiskStats.NONE.misses()).isEqualTo(Map.of());
    }
}
