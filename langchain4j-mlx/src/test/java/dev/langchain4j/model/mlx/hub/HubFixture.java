package dev.langchain4j.model.mlx.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/** Repositories for tests, hubs with small segments and no waits, and what a cache must look like. */
final class HubFixture {
    static final int SEGMENT_BYTES = 1000;

    private HubFixture() {}

    static HuggingFaceHub hub(HubSettings settings) {
        return new HuggingFaceHub(settings, progress -> {});
    }

    /** A repository with what models have, and with what must stay on the hub. */
    static Map<String, byte[]> model(long seed) {
        Random random = new Random(seed);
        Map<String, byte[]> files = new LinkedHashMap<>(needed(seed));
        files.put(".gitattributes", bytes(random, 100));
        files.put("README.md", bytes(random, 300));
        files.put("pytorch_model.bin", bytes(random, 3000));
        files.put("pytorch_model.bin.index.json", text("{\"weight_map\":{\"a\":\"pytorch_model.bin\"}}"));
        files.put("consolidated.safetensors", bytes(random, 2500));
        files.put("onnx/model.onnx", bytes(random, 700));
        files.put("onnx/config.json", bytes(random, 70));
        return files;
    }

    /** Of {@link #model}, the files that a model here needs. */
    static Map<String, byte[]> needed(long seed) {
        Random random = new Random(seed + 1);
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("config.json", text("{\"model_type\":\"llama\",\"seed\":" + seed + "}"));
        files.put("tokenizer.json", bytes(random, 1500));
        files.put("tokenizer_config.json", bytes(random, 90));
        files.put("chat_template.jinja", bytes(random, 200));
        files.put("empty.json", new byte[0]);
        files.put("1_Pooling/config.json", text("{}"));
        files.put("model-00001-of-00002.safetensors", bytes(random, 4321));
        files.put("model-00002-of-00002.safetensors", bytes(random, 2000));
        files.put(
                NeededFiles.INDEX,
                text("{\"metadata\":{},\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\","
                        + "\"b\":\"model-00002-of-00002.safetensors\",\"c\":\"model-00001-of-00002.safetensors\"}}"));
        return files;
    }

    static byte[] bytes(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** All files below a folder with their contents, links followed. */
    static Map<String, byte[]> contents(Path folder) throws IOException {
        Map<String, byte[]> found = new LinkedHashMap<>();
        try (Stream<Path> files = Files.walk(folder, java.nio.file.FileVisitOption.FOLLOW_LINKS)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                found.put(folder.relativize(file).toString(), Files.readAllBytes(file));
            }
        }
        return found;
    }

    static void assertContents(Path folder, Map<String, byte[]> expected) throws IOException {
        Map<String, byte[]> found = contents(folder);
        assertThat(found.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
        found.forEach((path, bytes) -> assertThat(bytes).as(path).isEqualTo(expected.get(path)));
    }

    /** Whatever happened before: each blob that has its name has the contents of that name. */
    static void assertBlobsAreWhole(Path repository) throws IOException {
        if (!Files.isDirectory(repository.resolve("blobs"))) {
            return;
        }
        try (Stream<Path> blobs = Files.list(repository.resolve("blobs"))) {
            for (Path blob : blobs.toList()) {
                String name = blob.getFileName().toString();
                if (!name.contains(".")) {
                    byte[] bytes = Files.readAllBytes(blob);
                    assertThat(name).isIn(FakeHub.sha256(bytes), FakeHub.blobId(bytes));
                }
            }
        }
    }
}
