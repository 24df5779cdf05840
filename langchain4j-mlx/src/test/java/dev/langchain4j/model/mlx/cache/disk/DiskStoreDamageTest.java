package dev.langchain4j.model.mlx.cache.disk;

import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.IDENTITY;
import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.concat;
import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.range;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that were cut or changed: at most a miss, never a wrong byte, never an exception. */
class DiskStoreDamageTest {
    private static final int[] ANN = concat(range(0, 60), range(1000, 1060));
    private static final int[] BOB = concat(range(0, 60), range(2000, 2050));

    @TempDir
    Path temp;

    private Path original;
    private int copies;

    @BeforeEach
    void store() {
        original = temp.resolve("original");
        try (DiskStore store = open(original)) {
            Paths.store(store, 1, ANN, 30, false);
            Paths.store(store, 2, BOB, 30, false);
        }
    }

    /** Gives the keys of an encrypted store; null for one in clear. */
    Keys keys() {
        return null;
    }

    private DiskStore open(Path root) {
        return DiskStore.open(root, IDENTITY, DiskLimits.ofBytes(1 << 24), DiskStore.Clock.SYSTEM, keys());
    }

    private static List<Path> files(Path root, String suffix) throws IOException {
        try (Stream<Path> files = Files.list(Paths.folder(root))) {
            return files.filter(file -> file.toString().endsWith(suffix))
                    .sorted()
                    .toList();
        }
    }

    private interface Damage {
        byte[] of(byte[] bytes);
    }

    /** How many tokens of both paths can be read after one file was damaged; all that is read is right. */
    private int readAfter(String suffix, Damage damage) throws IOException {
        Path copy = temp.resolve("copy" + copies++);
        Path folder = copy.resolve(Paths.folder(original).getFileName());
        Files.createDirectories(folder);
        for (Path file : files(original, "")) {
            byte[] bytes = Files.readAllBytes(file);
            String name = file.getFileName().toString();
            Files.write(folder.resolve(name), name.endsWith(suffix) ? damage.of(bytes) : bytes);
        }
        int read;
        try (DiskStore store = open(copy)) {
            assertThat(store.isOn()).isTrue();
            read = Paths.read(store, ANN) + Paths.read(store, BOB);
            // It works as before, and what was found damaged is written again.
            for (int i = 0; i < 12; i++) {
                Paths.store(store, 1, ANN, 30, false);
                Paths.store(store, 2, BOB, 30, false);
                store.settled().join();
                Paths.read(store, ANN);
                Paths.read(store, BOB);
            }
            assertThat(Paths.read(store, ANN) + Paths.read(store, BOB))
                    .as("%s", store.stats())
                    .isEqualTo(ANN.length + BOB.length);
            assertThat(store.stats().reason()).isEmpty();
        }
        try (DiskStore again = open(copy)) {
            assertThat(Paths.read(again, ANN) + Paths.read(again, BOB)).isEqualTo(ANN.length + BOB.length);
        }
        return read;
    }

    @Test
    void nothingIsMissingWithoutDamage() throws IOException {
        assertThat(readAfter(".seg", bytes -> bytes)).isEqualTo(ANN.length + BOB.length);
    }

    @Test
    void aBitFlippedInAnyHeaderOrSectionIsAMiss() throws IOException {
        long length = Files.size(files(original, ".seg").getFirst());
        int sections = 0;
        for (int page = 0; page < length / RecordFormat.PAGE; page++) {
            for (int at : new int[] {0, 8, 12, 17, 21, 45, 99}) {
                int position = page * RecordFormat.PAGE + at;
                int read = readAfter(".seg", bytes -> {
                    bytes[position] ^= 4;
                    return bytes;
                });
                sections += read < ANN.length + BOB.length ? 1 : 0;
            }
        }
        // Of six edges each has a header and two sections; states are not counted by tokens.
        assertThat(sections).isGreaterThanOrEqualTo(6 * 3 * 5);
    }

    @Test
    void aFileCutAnywhereIsAMiss() throws IOException {
        long length = Files.size(files(original, ".seg").getFirst());
        Random random = new Random(3);
        for (long page = 0; page <= length / RecordFormat.PAGE; page++) {
            for (int more : new int[] {0, 1, random.nextInt(RecordFormat.PAGE)}) {
                int size = (int) Math.min(length, page * RecordFormat.PAGE + more);
                int read = readAfter(".seg", bytes -> java.util.Arrays.copyOf(bytes, size));
                assertThat(read).isLessThanOrEqualTo(ANN.length + BOB.length);
            }
        }
        assertThat(readAfter(".seg", bytes -> new byte[bytes.length])).isZero();
    }

    @Test
    void aManifestCutOrChangedAnywhereIsAMiss() throws IOException {
        int length = (int) Files.size(files(original, "manifest.log").getFirst());
        Random random = new Random(4);
        for (int i = 0; i < 150; i++) {
            int position = i < 16 ? i : random.nextInt(length);
            readAfter("manifest.log", bytes -> {
                bytes[position] ^= (byte) (1 << random.nextInt(8));
                return bytes;
            });
            readAfter("manifest.log", bytes -> java.util.Arrays.copyOf(bytes, position));
        }
    }

    @Test
    void aManifestWhoseNumbersLieIsAMiss() throws IOException {
        Random random = new Random(5);
        for (int i = 0; i < 150; i++) {
            readAfter("manifest.log", bytes -> {
                // an entry with other numbers and a checksum that is right
                int entries = (bytes.length - 16) / 108;
                int at = 16 + 108 * random.nextInt(entries);
                ByteBuffer entry = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
                int field = at + 12 + random.nextInt(90);
                entry.putInt(field, random.nextBoolean() ? random.nextInt() : random.nextInt(5) - 2);
                entry.putInt(at + 8, RecordFormat.crc(entry.slice(at + 12, 96)));
                return bytes;
            });
        }
    }

    @Test
    void filesOfAnotherByteOrderOrFormatAreNotUsed() throws IOException {
        List<Integer> read = new ArrayList<>();
        read.add(readAfter(".log", bytes -> reversed(bytes, 12)));
        read.add(readAfter("manifest.log", bytes -> changed(bytes, 8)));
        read.add(readAfter(".seg", bytes -> {
            for (int page = 0; page < bytes.length; page += RecordFormat.PAGE) {
                if (bytes[page] == 'L' && bytes[page + 1] == '4') {
                    reversed(bytes, page + 12);
                }
            }
            return bytes;
        }));
        assertThat(read).containsOnly(0);
    }

    private static byte[] reversed(byte[] bytes, int at) {
        byte[] mark = java.util.Arrays.copyOfRange(bytes, at, at + 4);
        for (int i = 0; i < 4; i++) {
            bytes[at + i] = mark[3 - i];
        }
        return bytes;
    }

    private static byte[] changed(byte[] bytes, int at) {
        bytes[at]++;
        return bytes;
    }
}
