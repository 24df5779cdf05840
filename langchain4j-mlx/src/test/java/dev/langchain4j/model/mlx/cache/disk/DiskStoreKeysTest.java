package dev.langchain4j.model.mlx.cache.disk;

import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.IDENTITY;
import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.concat;
import static dev.langchain4j.model.mlx.cache.disk.DiskStoreTest.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store that is encrypted: what its files say, and what is there without the key, or with another one. */
class DiskStoreKeysTest {
    private static final int[] SYSTEM = range(70_000, 70_040);
    private static final int[] ANN = concat(SYSTEM, range(71_000, 71_060));
    private static final int[] BOB = concat(SYSTEM, range(72_000, 72_050));
    private static final String KEY_OF_ANN = "user 1";
    private static final String NO_KEY = "no key";
    private static final String OTHER_KEY = "encrypted with another key";

    @TempDir
    Path root;

    private final Keys keys = new Keys();
    private long nanos;
    private DiskStore store;

    @BeforeEach
    void openAll() {
        open(keys);
    }

    @AfterEach
    void close() {
        store.close();
    }

    private void open(Function<byte[], SecretKey> given) {
        DiskStore.Clock clock = new DiskStore.Clock(System::currentTimeMillis, () -> nanos);
        store = DiskStore.open(root, IDENTITY, DiskLimits.ofBytes(1 << 24), clock, given);
    }

    private void reopen(Function<byte[], SecretKey> given) {
        store.close();
        open(given);
    }

    /** The answers of the provider are asked for again. */
    private void later() {
        nanos += Duration.ofSeconds(2).toNanos();
    }

    /** Stores a path of which nobody owns the first tokens. */
    private void store(long user, int[] tokens) {
        store.name(user, Paths.name(user));
        DiskPath path = store.match(0, tokens);
        if (path.matched() < SYSTEM.length) {
            List<Section> sections = Paths.edge(tokens, path.matched(), SYSTEM.length);
            int[] common = Arrays.copyOfRange(tokens, path.matched(), SYSTEM.length);
            store.addEdge(user, 0, 0, path, common, sections);
        }
        Paths.store(store, user, tokens, 30, false);
        store.settled().join();
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    private boolean isSaid(byte[] wanted) throws IOException {
        String text = new String(wanted, StandardCharsets.ISO_8859_1);
        for (Path file : files()) {
            if (new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(text)) {
                return true;
            }
        }
        return false;
    }

    private static byte[] bytes(ByteOrder order, int... numbers) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(order);
        bytes.asIntBuffer().put(numbers);
        return bytes.array();
    }

    private List<byte[]> secrets() {
        byte[] state = new byte[2 * Paths.TOKEN_BYTES];
        Paths.edge(ANN, 50, 52).getFirst().bytes().get(state);
        return List.of(
                bytes(ByteOrder.LITTLE_ENDIAN, 71_010, 71_011),
                bytes(ByteOrder.LITTLE_ENDIAN, SYSTEM[0]),
                bytes(ByteOrder.BIG_ENDIAN, 71_010, 71_011),
                state,
                Paths.name(1),
                "a generated turn".getBytes(StandardCharsets.UTF_8));
    }

    private void storeAndNote() {
        store(1, ANN);
        store.note(1, "a generated turn".getBytes(StandardCharsets.UTF_8));
        store.note(0, "one of nobody".getBytes(StandardCharsets.UTF_8));
        store.settled().join();
    }

    @Test
    void nothingIsSaidInClear() throws IOException {
        storeAndNote();
        for (byte[] secret : secrets()) {
            assertThat(isSaid(secret)).as(Arrays.toString(secret)).isFalse();
        }
        assertThat(files()).hasSize(4).noneMatch(file -> file.toString().contains("user"));
        root = root.resolve("clear");
        reopen(null);
        storeAndNote();
        // So the search finds what is there: all but the numbers in the other byte order.
        assertThat(secrets().stream().filter(this::isSaidHere)).hasSize(5);
    }

    private boolean isSaidHere(byte[] secret) {
        try {
            return isSaid(secret);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aPathIsReadAfterOpeningAnewAndWriteAmplificationIsAsBefore() {
        storeAndNote();
        store(2, BOB);
        assertThat(store.stats().bytesWritten()).isLessThan(2 * store.stats().bytesKept());
        reopen(keys);
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
        assertThat(Paths.read(store, BOB)).isEqualTo(90);
        assertThat(store.match(0, ANN).stateAt(100)).isNotNull();
        assertThat(store.match(0, concat(SYSTEM, range(0, 1))).nextToken()).isIn(71_000, 72_000);
        assertThat(store.takeNotes()).extracting(String::new).containsExactly("a generated turn", "one of nobody");
        assertThat(store.names().get(1L)).isEqualTo(Paths.name(1));
        assertThat(store.stats().misses()).isEmpty();
    }

    @Test
    void withoutItsKeyARecordIsAMissAndWithItItIsThereAgain() {
        storeAndNote();
        store(2, BOB);
        keys.gone.add(KEY_OF_ANN);
        later();
        assertThat(Paths.read(store, ANN)).as("what nobody owns").isEqualTo(40);
        assertThat(Paths.read(store, BOB)).isEqualTo(90);
        assertThat(store.stats().misses()).containsOnlyKeys(NO_KEY);
        reopen(keys);
        assertThat(Paths.read(store, ANN)).isEqualTo(40);
        assertThat(store.takeNotes()).extracting(String::new).containsExactly("one of nobody");
        assertThat(store.takesFor(1, Paths.name(1))).isFalse();
        store(1, concat(ANN, range(5, 9)));
        assertThat(Paths.read(store, concat(ANN, range(5, 9))))
                .as("nothing is written")
                .isEqualTo(40);
        assertThat(store.stats().reason()).isEmpty();
        keys.gone.clear();
        reopen(keys);
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
        assertThat(store.takeNotes()).hasSize(2);
    }

    @Test
    void withAnotherKeyARecordIsAMissAndIsWrittenAnewBesideIt() {
        store(1, ANN);
        keys.others.put(KEY_OF_ANN, Keys.of("another"));
        later();
        assertThat(Paths.read(store, ANN)).isEqualTo(40);
        assertThat(store.stats().misses()).containsOnlyKeys(OTHER_KEY);
        store(1, ANN);
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
        reopen(keys);
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
        keys.others.clear();
        reopen(keys);
        assertThat(Paths.read(store, ANN)).as("what was written first").isEqualTo(100);
    }

    @Test
    void anotherCommonKeyOrNoneLosesNothing() {
        store(1, ANN);
        keys.others.put(Keys.COMMON, Keys.of("another"));
        reopen(keys);
        assertThat(store.isOn()).isTrue();
        assertThat(Paths.read(store, ANN)).isZero();
        assertThat(store.stats().misses()).containsOnlyKeys(OTHER_KEY);
        keys.gone.add(Keys.COMMON);
        reopen(keys);
        assertThat(store.isOn()).isFalse();
        assertThat(store.stats().reason()).contains("for what belongs to no memory ID");
        assertThat(store.match(0, ANN)).isEqualTo(DiskPath.NONE);
        keys.gone.clear();
        keys.others.clear();
        reopen(keys);
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
    }

    @Test
    void openedInClearItIsAMissAndTheOtherWayRoundAndNothingIsLost() {
        store(1, ANN);
        reopen(null);
        assertThat(Paths.read(store, ANN)).isZero();
        assertThat(store.stats().misses()).containsOnlyKeys("encrypted");
        store(2, BOB);
        reopen(keys);
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
        assertThat(Paths.read(store, BOB)).isEqualTo(40);
        assertThat(store.stats().misses()).containsOnlyKeys("not encrypted");
        reopen(null);
        assertThat(Paths.read(store, BOB)).isEqualTo(90);
    }

    @Test
    void whatTheProviderThrowsIsAMiss() {
        store(1, ANN);
        keys.thrown = new IllegalStateException("the server of the keys is down");
        later();
        assertThat(Paths.read(store, ANN)).isZero();
        assertThat(store.stats().misses()).containsKeys("no key", NO_KEY);
        store(2, BOB);
        reopen(keys);
        assertThat(store.isOn()).isFalse();
        keys.thrown = null;
        reopen(keys);
        assertThat(Paths.read(store, ANN)).isEqualTo(100);
        assertThat(Paths.read(store, BOB)).isEqualTo(40);
    }

    @Test
    void aKeyThatIsTooShortIsNone() {
        keys.others.put(KEY_OF_ANN, new SecretKeySpec(new byte[15], "AES"));
        store(1, ANN);
        assertThat(Paths.read(store, ANN)).isEqualTo(40);
        assertThat(store.stats().misses()).containsKeys("no key");
    }

    @Test
    void whoIsForgottenTakesAlongWhatWasEncryptedForIt() throws IOException {
        store(1, ANN);
        int[] fork = concat(ANN, range(73_000, 73_020));
        store(2, fork);
        keys.gone.add(KEY_OF_ANN);
        later();
        store.forget(List.of(1L)).join();
        keys.gone.clear();
        later();
        assertThat(Paths.read(store, fork)).as("its key is known no more").isEqualTo(40);
        assertThat(store.names()).containsOnlyKeys(2L);
        store(2, fork);
        reopen(keys);
        assertThat(Paths.read(store, fork)).as("written for the other one").isEqualTo(120);
        assertThat(store.stats().misses()).isEmpty();
    }

    @Test
    void whatWasSealedElsewhereIsNotTakenFor() throws IOException, java.security.GeneralSecurityException {
        Vault vault = new Vault(keys, IDENTITY, new DiskCounts(), () -> nanos);
        SealKey key = vault.key(0, null);
        DiskRecord parent = DiskRecord.root(0);
        DiskRecord one = edge(1, parent, 0);
        List<Section> sections = vault.seal(key, one, Paths.edge(ANN, 0, 10));
        Paths.assertSame(open(vault, key, one, sections), Paths.edge(ANN, 0, 10));
        List<List<Section>> swapped = new ArrayList<>();
        swapped.add(List.of(sections.get(1), sections.get(0)));
        swapped.add(List.of(sections.get(0).with(sections.get(1).bytes())));
        Section first = sections.getFirst();
        swapped.add(List.of(new Section(5, first.slot(), first.type(), first.shape(), first.bytes())));
        swapped.add(
                List.of(new Section(first.layer(), first.slot(), first.type(), new int[] {2, 5, 2}, first.bytes())));
        swapped.add(List.of(first.with(first.bytes().slice(0, 20))));
        for (List<Section> others : swapped) {
            assertThatThrownBy(() -> open(vault, key, one, others)).isInstanceOf(IOException.class);
        }
        // another record, the same of another scope, and one of another model
        for (DiskRecord other : List.of(edge(2, parent, 0), edge(1, DiskRecord.root(5), 5))) {
            assertThatThrownBy(() -> open(vault, key, other, sections)).isInstanceOf(IOException.class);
        }
        Vault ofAnother = new Vault(keys, "f".repeat(32), new DiskCounts(), () -> nanos);
        assertThatThrownBy(() -> open(ofAnother, key, one, sections)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> open(vault, SealKey.of(Keys.of("another")), one, sections))
                .isInstanceOf(IOException.class);
        assertThat(vault.seal(key, one, Paths.edge(ANN, 0, 10)).getFirst().bytes())
                .as("a fresh nonce")
                .isNotEqualTo(first.bytes());
    }

    private static DiskRecord edge(long id, DiskRecord parent, long scope) {
        DiskRecord record = new DiskRecord(id, parent, scope, 0, 10, false, ANN[0]);
        record.tokens = Arrays.copyOf(ANN, 10);
        return record;
    }

    private static List<Section> open(Vault vault, SealKey key, DiskRecord record, List<Section> sections)
            throws IOException {
        List<Section> opened = new ArrayList<>();
        for (Section section : sections) {
            ByteBuffer bytes = ByteBuffer.allocate(1000);
            vault.open(key, record, opened.size(), section, bytes);
            opened.add(section.with(bytes.flip()));
        }
        return opened;
    }

    @Test
    void recordsThatChangedPlacesAreMisses() throws IOException {
        Paths.store(store, 1, range(0, 30), 30, false);
        Paths.store(store, 1, range(100, 130), 30, false);
        store.close();
        Path segment = files().stream()
                .filter(file -> file.toString().endsWith(".seg"))
                .findFirst()
                .orElseThrow();
        byte[] bytes = Files.readAllBytes(segment);
        int record = 3 * RecordFormat.PAGE;
        int second = record + 2 * RecordFormat.PAGE;
        byte[] swapped = bytes.clone();
        System.arraycopy(bytes, second, swapped, 0, record);
        System.arraycopy(bytes, 0, swapped, second, record);
        Files.write(segment, swapped);
        open(keys);
        assertThat(Paths.read(store, range(0, 30)) + Paths.read(store, range(100, 130)))
                .isZero();
        store.close();
        Files.write(segment, bytes);
        byte[] sections = bytes.clone();
        System.arraycopy(bytes, RecordFormat.PAGE, sections, 2 * RecordFormat.PAGE, RecordFormat.PAGE);
        System.arraycopy(bytes, 2 * RecordFormat.PAGE, sections, RecordFormat.PAGE, RecordFormat.PAGE);
        Files.write(segment, sections);
        open(keys);
        assertThat(Paths.read(store, range(0, 30))).isZero();
    }
}
