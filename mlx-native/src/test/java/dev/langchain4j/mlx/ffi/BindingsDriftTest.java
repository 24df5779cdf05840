package dev.langchain4j.mlx.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * bindings.txt, MlxC.java and the headers of the mlx-c that was built say the same; each function is in the library.
 */
class BindingsDriftTest {
    private static final Path MODULE = Path.of(System.getProperty("project.root"), "mlx-native");
    private static final Path HEADERS = MODULE.resolve("target/mlx-c/include/mlx/c");
    private static final Pattern PROTOTYPE =
            Pattern.compile("([A-Za-z_][\\w *]*?[\\s*])(_?mlx_\\w+)\\s*\\(((?:[^()]|\\([^()]*\\))*)\\)\\s*;");

    private static List<String> bindings() throws IOException {
        return Files.readAllLines(MODULE.resolve("bindings.txt")).stream()
                .filter(line -> !line.isBlank() && !line.startsWith("#"))
                .toList();
    }

    private static String name(String prototype) {
        Matcher m = PROTOTYPE.matcher(prototype);
        assertThat(m.find()).as(prototype).isTrue();
        return m.group(2);
    }

    @Test
    void theGeneratedFileBelongsToBindingsTxt() throws Exception {
        byte[] bindings = Files.readAllBytes(MODULE.resolve("bindings.txt"));
        String checksum =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bindings));
        assertThat(Files.readString(MODULE.resolve("src/main/java/dev/langchain4j/mlx/ffi/MlxC.java")))
                .as(
                        "MlxC.java is older than bindings.txt: run java src/generator/java/GenerateBindings.java in mlx-native")
                .contains("// bindings.txt sha256 " + checksum);
    }

    /** GraalVM's native images call only what the metadata has. */
    @Test
    void nativeImagesKnowEachShape() throws IOException {
        String metadata = Files.readString(MODULE.resolve("src/main/resources/META-INF/native-image/"
                + "io.github.langchain4j-mlx/mlx-native/reachability-metadata.json"));
        int upcalls = 0;
        Map<String, String> types =
                Map.of("I", "jint", "J", "jlong", "Z", "jboolean", "F", "jfloat", "D", "jdouble", "V", "void");
        int shapes = 0;
        try (Stream<Path> sources = Files.list(MODULE.resolve("src/main/java/dev/langchain4j/mlx/ffi"))) {
            for (Path source : sources.toList()) {
                upcalls += Files.readString(source).contains(".upcallStub(") ? 1 : 0;
                Matcher m = Pattern.compile("\"([IJZFD]*)\\)([IJZFDV])\"").matcher(Files.readString(source));
                while (m.find()) {
                    String parameters = m.group(1)
                            .chars()
                            .mapToObj(letter -> "\"" + types.get(String.valueOf((char) letter)) + "\"")
                            .collect(Collectors.joining(", "));
                    assertThat(metadata)
                            .as("run java src/generator/java/GenerateBindings.java in mlx-native")
                            .contains("{\"returnType\": \"%s\", \"parameterTypes\": [%s]}"
                                    .formatted(types.get(m.group(2)), parameters));
                    shapes++;
                }
            }
        }
        assertThat(shapes).isGreaterThan(200);
        assertThat(upcalls).isEqualTo(2);
        assertThat(metadata.substring(metadata.indexOf("\"upcalls\"")))
                .as("those of NativeErrors and TraceStub")
                .contains("{\"returnType\": \"void\", \"parameterTypes\": [\"void*\", \"jlong\"]}")
                .contains("{\"returnType\": \"jint\", \"parameterTypes\": [\"jlong\", \"jlong\", \"jlong\"]}");
    }

    @Test
    void everyPrototypeIsTheHeadersOwn() throws IOException {
        Map<String, String> headers = new HashMap<>();
        try (Stream<Path> files = Files.list(HEADERS)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".h")).toList()) {
                String text = Files.readString(file, StandardCharsets.UTF_8)
                        .replaceAll("(?s)/\\*.*?\\*/", "")
                        .replaceAll("//[^\\n]*", "")
                        .replaceAll("(?m)^\\s*#(.*\\\\\\n)*.*$", "");
                Matcher m = PROTOTYPE.matcher(text);
                while (m.find()) {
                    headers.put(m.group(2), squeezed(m.group()));
                }
            }
        }
        List<String> drifted = new ArrayList<>();
        for (String line : bindings()) {
            String header = headers.get(name(line));
            if (!squeezed(line).equals(header)) {
                drifted.add("bindings.txt: " + line + "\n   header: " + header);
            }
        }
        assertThat(drifted).isEmpty();
    }

    @Test
    void everyFunctionIsInTheLibrary() throws IOException {
        List<String> missing = bindings().stream()
                .map(BindingsDriftTest::name)
                .filter(name -> NativeLibrary.mlx().find(name).isEmpty())
                .toList();
        assertThat(missing).isEmpty();
    }

    private static String squeezed(String text) {
        return text.replaceAll("\\s+", "");
    }
}
