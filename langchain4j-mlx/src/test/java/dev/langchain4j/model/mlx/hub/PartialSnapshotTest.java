package dev.langchain4j.model.mlx.hub;

import static dev.langchain4j.model.mlx.hub.HubFixture.assertContents;
import static dev.langchain4j.model.mlx.hub.HubFixture.hub;
import static dev.langchain4j.model.mlx.hub.HubFixture.model;
import static dev.langchain4j.model.mlx.hub.HubFixture.needed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.model.mlx.hub.FakeHub.Request;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What other programs left in the cache when they were interrupted is completed, and never taken for a model. */
class PartialSnapshotTest {
    private static final String ID = "mlx-community/Tiny-4bit";
    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";
    private static final int RUNS = Integer.getInteger("partial.snapshot.runs", 60);

    @TempDir
    Path cache;

    private FakeHub fake;
    private String commit;

    @BeforeEach
    void start() {
        fake = new FakeHub();
        commit = fake.commit(ID, "main", model(1));
    }

    @AfterEach
    void stop() {
        fake.close();
    }

    private TestSettings with() {
        return new TestSettings(fake, cache);
    }

    private Path repository() {
        return cache.resolve("models--mlx-community--Tiny-4bit");
    }

    private Path snapshot() {
        return repository().resolve("snapshots").resolve(commit);
    }

    private Path blob(String name) {
        return repository().resolve("blobs").resolve(FakeHub.sha256(needed(1).get(name)));
    }

    /** Another program's download of some files, which was stopped then. */
    private void others(String... names) throws IOException {
        Path refs = Files.createDirectories(repository().resolve("refs"));
        Files.writeString(refs.resolve("main"), commit);
        Files.createDirectories(repository().resolve("blobs"));
        for (String name : names) {
            byte[] bytes = needed(1).get(name);
            String sum = bytes.length < fake.largeFrom ? FakeHub.blobId(bytes) : FakeHub.sha256(bytes);
            Path blob = Files.write(repository().resolve("blobs").resolve(sum), bytes);
            Path link = snapshot().resolve(name);
            Files.createDirectories(link.getParent());
            Files.createSymbolicLink(link, link.getParent().relativize(blob));
        }
    }

    @Test
    void aSnapshotThatLacksFilesIsCompletedAlsoForACommit() throws IOException {
        others("config.json", "tokenizer.json", NeededFiles.INDEX, FIRST, SECOND);
        assertContents(hub(with().build()).locate(ID + "@" + commit).folder(), needed(1));
        assertThat(fake.requests)
                .filteredOn(r -> r.path().contains("/resolve/"))
                .extracting(Request::path)
                .allMatch(path -> !path.endsWith("safetensors"))
                .as("an empty file needs no request")
                .hasSize(needed(1).size() - 6);
    }

    @Test
    void aSnapshotThatLacksFilesIsUsedWhereTheHubDoesNotAnswer() throws IOException {
        others("config.json", "tokenizer.json", NeededFiles.INDEX, FIRST, SECOND);
        assertThat(hub(with().offline().build()).locate(ID + "@" + commit).folder())
                .isEqualTo(snapshot());
        fake.faults = r -> new FakeHub.Fault(FakeHub.Fault.Kind.STATUS, 503);
        assertThat(hub(with().build()).locate(ID + "@" + commit).folder()).isEqualTo(snapshot());
    }

    @Test
    void oneOfTwoFilesOfWeightsIsNoModel() throws IOException {
        others("config.json", "tokenizer.json", FIRST);
        assertThatThrownBy(() -> hub(with().offline().build()).locate(ID))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("without " + SECOND);
        assertContents(hub(with().build()).locate(ID).folder(), needed(1));
    }

    @Test
    void aBrokenIndexIsNoModelAndIsFetchedAnew() throws IOException {
        others("config.json", "tokenizer.json", FIRST, SECOND);
        Files.writeString(snapshot().resolve(NeededFiles.INDEX), "{\"weight_map\": {\"a\": \"mod");
        assertThatThrownBy(() -> hub(with().offline().build()).locate(ID))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining(NeededFiles.INDEX);
        assertContents(hub(with().build()).locate(ID).folder(), needed(1));
    }

    @Test
    void aRefWithoutASnapshotIsNoModel() throws IOException {
        others();
        assertThatThrownBy(() -> hub(with().offline().build()).locate(ID))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("the cache has nothing in");
        assertContents(hub(with().build()).locate(ID).folder(), needed(1));
    }

    @Test
    void anUnfinishedFileGoesOnWhereItWas() throws IOException {
        others("config.json");
        byte[] all = needed(1).get(FIRST);
        Path others = blob(FIRST).resolveSibling(FakeHub.sha256(all) + ".incomplete");
        Files.write(others, Arrays.copyOf(all, 3500));
        assertContents(hub(with().build()).locate(ID).folder(), needed(1));
        assertThat(fake.requests)
                .filteredOn(r -> r.path().endsWith(FakeHub.sha256(all)))
                .extracting(Request::range)
                .containsExactlyInAnyOrder("bytes=3000-3999", "bytes=4000-4320");
        assertThat(others).as("another program may write to it").exists();
    }

    @Test
    void anUnfinishedFileWithGapsIsFetchedAnew() throws IOException {
        others("config.json");
        byte[] gaps = needed(1).get(FIRST).clone();
        Arrays.fill(gaps, 1000, 2000, (byte) 0);
        Files.write(blob(FIRST).resolveSibling(FakeHub.sha256(needed(1).get(FIRST)) + ".incomplete"), gaps);
        assertContents(hub(with().build()).locate(ID).folder(), needed(1));
    }

    @Test
    void anIndexOfOtherFilesGivesWayToTheWeightsThatAreThere() throws IOException {
        Map<String, byte[]> files = model(1);
        files.put("model.safetensors", new byte[600]);
        files.remove(SECOND);
        String id = "mlx-community/Whole";
        fake.commit(id, "main", files);
        Path folder = hub(with().build()).locate(id).folder();
        assertThat(folder.resolve("model.safetensors")).isRegularFile();
        assertThat(hub(with().offline().build()).locate(id).folder()).isEqualTo(folder);
    }

    @Test
    void aCacheThatCannotBeWrittenToIsReadFrom() throws IOException {
        hub(with().build()).locate(ID);
        Path locks = cache.resolve(".locks");
        try (Stream<Path> all = Files.walk(locks)) {
            for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
        // A file where the folder should be: nothing can be written there, whoever asks.
        Files.writeString(locks, "");
        assertContents(hub(with().build()).locate(ID).folder(), needed(1));
    }

    /** Whatever was lost of a snapshot, cut or left unfinished: asking for the model makes it whole. */
    @Test
    void anyDamageIsMended() throws IOException {
        long seed = Seeds.seed(PartialSnapshotTest.class);
        for (int run = 0; run < RUNS; run++) {
            Random random = new Random(seed + run);
            String as = "run " + run + " of -Dseed=" + seed;
            Path own = cache.resolve("run" + run);
            HubSettings settings = new TestSettings(fake, own).build();
            Path folder = hub(settings).locate(ID).folder();
            Files.deleteIfExists(
                    own.resolve(".locks/models--mlx-community--Tiny-4bit").resolve(commit + ".files"));
            damage(folder.getParent().getParent(), random);
            String name = random.nextBoolean() ? ID : ID + "@" + commit;
            try {
                assertContents(hub(settings).locate(name).folder(), needed(1));
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError(as, e);
            }
        }
    }

    private static void damage(Path repository, Random random) throws IOException {
        List<Path> paths = new ArrayList<>();
        try (Stream<Path> all = Files.walk(repository)) {
            all.filter(path -> !Files.isDirectory(path)).sorted().forEach(paths::add);
        }
        for (Path path : paths) {
            if (random.nextInt(4) > 0) {
                continue;
            }
            boolean blob = path.getParent().getFileName().toString().equals("blobs");
            if (blob && random.nextBoolean()) {
                byte[] bytes = Files.readAllBytes(path);
                Path unfinished = path.resolveSibling(path.getFileName() + ".incomplete");
                Files.write(unfinished, Arrays.copyOf(bytes, random.nextInt(bytes.length + 1)));
            }
            Files.deleteIfExists(path);
            if (!blob && path.getParent().getFileName().toString().equals("refs") && random.nextBoolean()) {
                Files.writeString(path, random.nextBoolean() ? "0".repeat(40) : "cut");
            }
        }
    }
}
