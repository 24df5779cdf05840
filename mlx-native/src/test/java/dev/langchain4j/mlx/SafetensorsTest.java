package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {
    @TempDir
    Path folder;

    private long handlesBefore;
    private MlxThread thread;

    @BeforeEach
    void start() {
        handlesBefore = LiveHandles.count();
        thread = MlxThread.start("test");
    }

    @AfterEach
    void noHandleIsLeft() {
        thread.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private Path saved() {
        Path file = folder.resolve("model.safetensors");
        thread.run(() -> {
            try (Scope scope = Scope.open()) {
                MlxArray a = MlxArray.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
                Safetensors.save(file, Map.of("a", a, "b.half", Ops.astype(a, DType.BFLOAT16)));
            }
        });
        return file;
    }

    private void load(Path file) {
        thread.run(() -> {
            try (Scope scope = Scope.open()) {
                Eval.eval(Safetensors.load(file).values().toArray(MlxArray[]::new));
            }
        });
    }

    /** Experts, rows of each in two ranges, and the columns of these: pieces from all over the tensor. */
    @Test
    void partsOfATensorAreReadWithoutTheRest() {
        Path file = folder.resolve("parts.safetensors");
        thread.run(() -> {
            try (Scope scope = Scope.open()) {
                MlxArray all = Indexing.reshape(Indexing.arange(0, 3 * 6 * 512, DType.FLOAT32), 3, 6, 512);
                Safetensors.save(file, Map.of("experts", all));
                MlxArray whole = Safetensors.load(file).get("experts");
                int[] experts = {0, 3};
                int[] rows = {0, 2, 5, 6};
                MlxArray wanted = Indexing.concatenate(1, Indexing.slice(all, 1, 0, 2), Indexing.slice(all, 1, 5, 6));
                assertThat(whole.readPart(experts, rows, new int[] {0, 512}).toFloats())
                        .isEqualTo(wanted.toFloats());
                MlxArray part = whole.readPart(experts, rows, new int[] {128, 384});
                assertThat(part.shape()).containsExactly(3, 3, 256);
                assertThat(part.toFloats())
                        .isEqualTo(Indexing.slice(wanted, 2, 128, 384).toFloats());
                assertThat(whole.readPart(experts, rows, new int[] {0, 8}))
                        .as("many short pieces")
                        .isNull();
                Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 4000));
                assertThatThrownBy(() -> whole.readPart(experts, rows, new int[] {0, 512}))
                        .isInstanceOf(MlxException.class)
                        .hasMessageContaining("ends within a tensor");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static byte[] file(String header, int dataBytes) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + json.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .array();
    }

    @Test
    void whatWasSavedComesBackWithNamesShapesAndTypes() {
        Path file = saved();
        thread.run(() -> {
            try (Scope scope = Scope.open()) {
                Map<String, MlxArray> loaded = Safetensors.load(file);
                assertThat(loaded).containsOnlyKeys("a", "b.half");
                assertThat(loaded.get("a").shape()).containsExactly(2, 3);
                assertThat(loaded.get("a").toFloats()).containsExactly(1, 2, 3, 4, 5, 6);
                assertThat(loaded.get("b.half").dtype()).isEqualTo(DType.BFLOAT16);
            }
        });
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}                    | 4 | truncated",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}                    | 8 | needs 12",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2000000000,2000000000,4],\"data_offsets\":[0,8]}} | 8 | shape",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}                   | 8 | shape",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}                   | 8 | truncated",
                "{\"a\":{\"dtype\":\"Q9\",\"shape\":[2],\"data_offsets\":[0,8]}}                     | 8 | unknown dtype Q9",
                "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}                                      | 8 | without dtype",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}                      | 8 | not of the form",
                "{\"a\":7}                                                                           | 8 | not of the form",
                "[1,2,3]                                                                             | 8 | not of the form",
                "{\"a\":{\"dtype\":\"F32\",                                                          | 8 | not JSON"
            })
    void aHeaderThatLiesIsRefusedBeforeMlxSeesTheFile(String header, int dataBytes, String reason) throws IOException {
        Path file = Files.write(folder.resolve("bad.safetensors"), file(header, dataBytes));
        assertThatThrownBy(() -> load(file))
                .isInstanceOf(MlxException.class)
                .hasMessageContaining("bad.safetensors")
                .hasMessageContaining(reason);
    }

    @Test
    void aFileThatIsTooShortOrMissingIsRefused() throws IOException {
        Path empty = Files.write(folder.resolve("empty.safetensors"), new byte[3]);
        assertThatThrownBy(() -> load(empty)).isInstanceOf(MlxException.class).hasMessageContaining("3 bytes");
        byte[] huge = file("{}", 0);
        huge[7] = 0x7f;
        Path absurd = Files.write(folder.resolve("absurd.safetensors"), huge);
        assertThatThrownBy(() -> load(absurd)).isInstanceOf(MlxException.class).hasMessageContaining("header");
        assertThatThrownBy(() -> load(folder.resolve("none.safetensors")))
                .isInstanceOf(MlxException.class)
                .hasMessageContaining("no safetensors file");
    }

    @Test
    void cutAndDamagedFilesNeverCrash() throws IOException {
        byte[] good = Files.readAllBytes(saved());
        long seed = 20260101;
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 400; i++) {
            byte[] bad = Arrays.copyOf(good, i % 2 == 0 ? random.nextInt(good.length) : good.length);
            for (int k = random.nextInt(3) + i % 2; k > 0 && bad.length > 0; k--) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt();
            }
            Path file = Files.write(folder.resolve("damaged.safetensors"), bad);
            try {
                load(file);
            } catch (MlxException e) {
                assertThat(e).as("seed %d, round %d", seed, i).hasMessageContaining("safetensors");
            }
        }
    }

    @Test
    void shardsAreThoseOfTheIndexAndMustLieInTheFolder() throws IOException {
        Path shard = saved();
        Path index = folder.resolve("model.safetensors.index.json");
        Files.writeString(index, "{\"metadata\":{},\"weight_map\":{\"a\":\"model.safetensors\"}}");
        assertThat(Safetensors.files(folder)).containsExactly(shard);
        Files.writeString(index, "{\"weight_map\":{\"a\":\"../../secret.safetensors\"}}");
        assertThatThrownBy(() -> Safetensors.files(folder))
                .isInstanceOf(MlxException.class)
                .hasMessageContaining("outside");
        Files.writeString(index, "{\"weight_map\":{\"a\":\"gone.safetensors\"}}");
        assertThat(Safetensors.files(folder))
                .as("an index of another time beside whole weights")
                .containsExactly(shard);
        Files.writeString(index, "{\"weight_map\":{\"a\":\"gone.safetensors\",\"b\":\"model.safetensors\"}}");
        assertThatThrownBy(() -> Safetensors.files(folder))
                .isInstanceOf(MlxException.class)
                .hasMessageContaining("missing");
        Files.writeString(index, "{\"weight_map\":");
        assertThatThrownBy(() -> Safetensors.files(folder)).isInstanceOf(MlxException.class);
    }
}
