package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A folder that lies ends in one of two exceptions, never in a crash, a wait or a huge allocation. Single lies are in a
 * table; random ones follow a seed ({@code -Dmutations=N} for more of them).
 */
class LyingFolderTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path temporary;

    private final long handles = LiveHandles.count();
    private Path folder;

    @BeforeEach
    void copy() throws IOException {
        folder = Files.createDirectories(temporary.resolve("model"));
        restore("qwen3");
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private void restore(String model) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            for (Path file : all.toList()) {
                Files.delete(file);
            }
        }
        Path golden = Goldens.own("models/" + model);
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(golden.resolve(name), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(DemoModel.folder().resolve(name), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        Path template = DemoModel.folder().resolve("chat_template.jinja");
        if (Files.exists(template)) {
            Files.copy(template, folder.resolve("chat_template.jinja"), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private void load() {
        MlxModel.load(folder).close();
    }

    private void refused(String... words) {
        assertThatThrownBy(this::load)
                .isInstanceOfAny(ModelNotFoundException.class, InvalidRequestException.class)
                .hasMessageContainingAll(words);
    }

    private Path file(String name) {
        return folder.resolve(name);
    }

    @Test
    void theFolderThatIsLiedAboutLoads() {
        load();
    }

    @Test
    void anAdapterIsLoadedWithTheModelAndNamedWhenItIsMissing() {
        MlxModel.builder()
                .modelPath(folder)
                .adapter(Goldens.own("adapters/lora-last-two-layers"))
                .build()
                .close();
        assertThatThrownBy(() -> MlxModel.builder()
                        .modelPath(folder)
                        .adapter(temporary.resolve("tuned"))
                        .build())
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("tuned");
        assertThatThrownBy(() -> MlxModel.builder()
                        .modelPath(folder)
                        .adapter(Goldens.own("adapters/lora-experts"))
                        .build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("does not fit the model");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "num_hidden_layers = 268000000 | num_hidden_layers (268000000)",
                "num_hidden_layers = 4096 | model.layers.3",
                "vocab_size = 2000000000 | vocab_size (2000000000)",
                "vocab_size = 260000000 | shape",
                "hidden_size = 4194304 | shape",
                "hidden_size = 99999999999999999999 | hidden_size",
                "hidden_size = -64 | hidden_size (-64)",
                "hidden_size = \"64\" | hidden_size (\"64\")",
                "hidden_size = 64.5 | hidden_size (64.5)",
                "hidden_size = [64] | hidden_size",
                "num_attention_heads = 16384 | shape",
                "num_attention_heads = 0 | num_attention_heads (0)",
                "rms_norm_eps = 1e999 | rms_norm_eps",
                "rms_norm_eps = null | rms_norm_eps",
                "rope_theta = {} | rope_theta",
                "rope_scaling = 7 | rope_scaling",
                "rope_scaling = {\"rope_type\": \"spiral\"} | rope_type (spiral)",
                "tie_word_embeddings = \"yes\" | tie_word_embeddings",
                "quantization = {\"bits\": 4} | group_size",
                "quantization = [] | quantization",
                "quantization = {\"bits\": \"4\", \"group_size\": 64} | bits",
                "max_position_embeddings = -1 | max_position_embeddings (-1)",
                "eos_token_id = \"two\" | eos_token_id",
                "eos_token_id = [1, -2] | eos_token_id",
                "model_type = 5 | model_type",
                "model_type = \"\" | model_type"
            })
    void aConfigThatLies(String lie) throws IOException {
        String field = lie.substring(0, lie.indexOf(" = "));
        String value = lie.substring(lie.indexOf(" = ") + 3, lie.indexOf(" | "));
        ObjectNode config = (ObjectNode) JSON.readTree(file("config.json").toFile());
        config.putNull(field);
        String text = config.toString().replace("\"" + field + "\":null", "\"" + field + "\":" + value);
        Files.writeString(file("config.json"), text);
        refused(lie.substring(lie.indexOf(" | ") + 3));
    }

    @ParameterizedTest
    @ValueSource(strings = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"})
    void aFileThatIsEmptyCutADirectoryOrAPipe(String name) throws IOException, InterruptedException {
        byte[] whole = Files.readAllBytes(file(name));
        for (int length : new int[] {0, 1, whole.length / 2, whole.length - 2}) {
            Files.write(file(name), Arrays.copyOf(whole, length));
            refused(name.substring(0, name.indexOf('.')));
        }
        Files.delete(file(name));
        if (name.startsWith("tokenizer_config")) {
            return;
        }
        refused(folder.toString());
        Files.createDirectory(file(name));
        refused(folder.toString());
        Files.delete(file(name));
        // reading a pipe would wait forever for somebody who writes
        if (new ProcessBuilder("mkfifo", file(name).toString()).start().waitFor() == 0) {
            refused(folder.toString());
        }
    }

    @Test
    void jsonThatIsNestedWithoutEnd() throws IOException {
        for (String name : List.of("config.json", "tokenizer_config.json", "model.safetensors.index.json")) {
            Files.writeString(file(name), "{\"weight_map\":".repeat(100_000));
            refused(name);
            restore("qwen3");
        }
    }

    static List<String[]> indexes() {
        return List.of(
                new String[] {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "outside"},
                new String[] {"{\"weight_map\":{\"a\":\"../model.safetensors\"}}", "outside"},
                new String[] {"{\"weight_map\":{\"a\":\"sub/../../x.safetensors\"}}", "outside"},
                new String[] {"{\"weight_map\":{\"a\":\".\"}}", "outside"},
                new String[] {"{\"weight_map\":{\"a\":\"nul\\u0000.safetensors\"}}", "not a path"},
                new String[] {"{\"weight_map\":{\"a\":7}}", "names no file"},
                new String[] {"{\"weight_map\":{\"a\":{\"b\":1}}}", "names no file"},
                new String[] {"{\"weight_map\":[]}", "not a JSON object"},
                new String[] {"{\"weight_map\":{\"a\":\"config.json\"}}", "config.json"},
                new String[] {"[]", "not a JSON object"},
                new String[] {"", "not a JSON object"});
    }

    @ParameterizedTest
    @MethodSource("indexes")
    void anIndexThatLies(String index, String reason) throws IOException {
        Files.writeString(file("model.safetensors.index.json"), index);
        refused(reason);
    }

    @Test
    void anIndexOfFilesThatAreGone() throws IOException {
        Path index = file("model.safetensors.index.json");
        Files.writeString(index, "{\"weight_map\":{\"a\":\"gone.safetensors\"}}");
        load();
        Files.writeString(index, "{\"weight_map\":{\"a\":\"gone.safetensors\",\"b\":\"model.safetensors\"}}");
        refused("gone.safetensors", "missing");
        Files.copy(file("model.safetensors"), file("model-again.safetensors"));
        load();
        Files.delete(file("model.safetensors"));
        Files.delete(file("model-again.safetensors"));
        refused("missing");
    }

    @Test
    void linksMayNotLeaveTheFolderButForTheBlobsOfHuggingFacesCache() throws IOException {
        Path outside = Files.move(file("model.safetensors"), temporary.resolve("weights"));
        Files.createSymbolicLink(file("model.safetensors"), outside);
        refused("outside of the model folder");

        Path snapshot = Files.createDirectories(temporary.resolve("models--x--y/snapshots/0123abc"));
        Path blobs = Files.createDirectories(temporary.resolve("models--x--y/blobs"));
        Files.delete(file("model.safetensors"));
        Files.move(outside, file("model.safetensors"));
        try (Stream<Path> all = Files.list(folder)) {
            for (Path one : all.toList()) {
                Path blob = Files.move(one, blobs.resolve("sha-" + one.getFileName()));
                Files.createSymbolicLink(
                        snapshot.resolve(one.getFileName().toString()), Path.of("../../blobs/" + blob.getFileName()));
            }
        }
        folder = snapshot;
        load();
    }

    @Test
    void aTensorInTwoFiles() throws IOException {
        Files.copy(file("model.safetensors"), file("model-00002-of-00002.safetensors"));
        refused("is in two files", "model-00002-of-00002.safetensors");
    }

    /** Changes the header of model.safetensors and keeps its data. */
    private void header(java.util.function.UnaryOperator<String> change) throws IOException {
        byte[] whole = Files.readAllBytes(file("model.safetensors"));
        int length = (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
        String header = new String(whole, 8, length, StandardCharsets.UTF_8);
        byte[] changed = change.apply(header).getBytes(StandardCharsets.UTF_8);
        byte[] data = Arrays.copyOfRange(whole, 8 + length, whole.length);
        Files.write(
                file("model.safetensors"),
                ByteBuffer.allocate(8 + changed.length + data.length)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(changed.length)
                        .put(changed)
                        .put(data)
                        .array());
    }

    @Test
    void tensorsThatOverlapOrHaveAnotherType() throws IOException {
        header(h -> h.replaceAll("(\"model.norm.weight\":\\{[^}]*\"data_offsets\":)\\[\\d+,\\d+\\]", "$1[128,384]"));
        refused("overlap", "model.norm.weight");
        restore("qwen3");
        header(h -> h.replaceAll("(\"model.norm.weight\":\\{[^}]*\"dtype\":)\"F32\"", "$1\"I32\""));
        refused("model.norm.weight", "floating");
        restore("llama-q4");
        header(h -> h.replaceFirst("\"dtype\":\"U32\"", "\"dtype\":\"I32\""));
        refused("INT32", "UINT32");
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen3", "llama-q4", "qwen3_moe"})
    void randomLiesLoadOrAreRefused(String model) throws IOException {
        int rounds = Integer.getInteger("mutations", 120);
        long seed = Long.getLong("mutations.seed", 20260401);
        SplittableRandom random = new SplittableRandom(seed + model.hashCode());
        int loaded = 0;
        for (int round = 0; round < rounds; round++) {
            restore(model);
            String lie = mutate(random);
            try {
                load();
                loaded++;
            } catch (ModelNotFoundException | InvalidRequestException e) {
                assertThat(e.getMessage()).as(lie).isNotBlank();
            } catch (Throwable e) {
                fail("seed %d, model %s, round %d, %s".formatted(seed, model, round, lie), e);
            }
            assertThat(LiveHandles.count()).as("round %d, %s", round, lie).isEqualTo(handles);
        }
        assertThat(loaded).as("some lies are harmless, most are not").isLessThan(rounds * 3 / 4);
    }

    private String mutate(SplittableRandom random) throws IOException {
        return switch (random.nextInt(8)) {
            case 0, 1, 2 -> mutateJson(file("config.json"), random);
            case 3, 4 -> {
                StringBuilder what = new StringBuilder();
                header(h -> {
                    try {
                        JsonNode json = JSON.readTree(h);
                        what.append(lieIn(json, random));
                        return json.toString();
                    } catch (IOException e) {
                        throw new IllegalStateException(e);
                    }
                });
                yield "header: " + what;
            }
            case 5 -> {
                Files.writeString(
                        file("model.safetensors.index.json"),
                        "{\"metadata\":{},\"weight_map\":{\"model.norm.weight\":\"model.safetensors\"}}");
                yield mutateJson(file("model.safetensors.index.json"), random);
            }
            case 6 ->
                damage(
                        file(List.of("config.json", "tokenizer_config.json", "tokenizer.json")
                                .get(random.nextInt(3))),
                        random);
            default -> damage(file("model.safetensors"), random);
        };
    }

    private static String mutateJson(Path file, SplittableRandom random) throws IOException {
        JsonNode json = JSON.readTree(file.toFile());
        String what = lieIn(json, random);
        Files.writeString(file, json.toString());
        return file.getFileName() + ": " + what;
    }

    private static final List<String> VALUES = List.of(
            "null",
            "-1",
            "0",
            "1",
            "3",
            "7",
            "2147483647",
            "4294967296",
            "9007199254740993",
            "1e308",
            "-1e308",
            "0.5",
            "\"64\"",
            "\"\"",
            "\"../x\"",
            "\"F64\"",
            "\"U8\"",
            "\"yarn\"",
            "true",
            "[]",
            "{}",
            "[-1]",
            "[1,2,3]",
            "[4294967295]",
            "{\"bits\":3,\"group_size\":32}",
            "[\"full_attention\"]",
            "[0,0]",
            "[8,4]");

    /** Replaces or removes something at random. */
    private static String lieIn(JsonNode root, SplittableRandom random) throws IOException {
        List<Object[]> places = new ArrayList<>();
        collect(root, places);
        if (places.isEmpty()) {
            return "nothing";
        }
        Object[] place = places.get(random.nextInt(places.size()));
        String value = VALUES.get(random.nextInt(VALUES.size()));
        boolean remove = random.nextInt(6) == 0;
        if (place[0] instanceof ObjectNode object) {
            String name = (String) place[1];
            if (remove) {
                object.remove(name);
            } else {
                object.set(name, JSON.readTree(value));
            }
        } else {
            ArrayNode array = (ArrayNode) place[0];
            if (remove) {
                array.remove((Integer) place[1]);
            } else {
                array.set((Integer) place[1], JSON.readTree(value));
            }
        }
        return place[1] + (remove ? " removed" : " = " + value);
    }

    private static void collect(JsonNode node, List<Object[]> places) {
        if (node instanceof ObjectNode object) {
            object.properties().forEach(e -> {
                places.add(new Object[] {object, e.getKey()});
                collect(e.getValue(), places);
            });
        } else if (node instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) {
                places.add(new Object[] {array, i});
                collect(array.get(i), places);
            }
        }
    }

    private static String damage(Path file, SplittableRandom random) throws IOException {
        byte[] whole = Files.readAllBytes(file);
        if (random.nextBoolean()) {
            int length = random.nextInt(whole.length);
            Files.write(file, Arrays.copyOf(whole, length));
            return file.getFileName() + " cut to " + length;
        }
        int reach = random.nextBoolean() ? Math.min(whole.length, 2000) : whole.length;
        int at = random.nextInt(reach);
        byte value = (byte) random.nextInt();
        whole[at] = value;
        Files.write(file, whole);
        return "%s[%d] = %d".formatted(file.getFileName(), at, value);
    }
}
