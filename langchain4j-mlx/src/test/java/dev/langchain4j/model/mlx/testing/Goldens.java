package dev.langchain4j.model.mlx.testing;

import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.model.ModelFolder;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Where golden cases are: the folder of {@code -Dgoldens=DIR}, else the test resources. */
public final class Goldens {
    /**
     * Architectures that have each kind of layer and each way to put several together; others have the same with other
     * weights.
     */
    private static final Set<String> KINDS_OF_LAYERS = Set.of(
            "cohere2",
            "deepseek_v3",
            "deepseek_v32",
            "falcon_h1",
            "gemma3_text",
            "gemma3n",
            "gemma4_text",
            "gpt_oss",
            "granitemoehybrid",
            "kimi_linear",
            "laguna",
            "lfm2",
            "llama",
            "longcat_flash",
            "mamba2",
            "nemotron_h",
            "qwen3",
            "qwen3_5",
            "qwen3_moe",
            "qwen3_next",
            "step3p5");

    private Goldens() {}

    /** A folder or file of the goldens. */
    public static Path folder(String name) {
        String given = System.getProperty("goldens", "");
        if (!given.isEmpty()) {
            Path root = Path.of(given);
            if (!root.isAbsolute()) {
                root = Path.of(System.getProperty("project.root", ".")).resolve(root);
            }
            Path found = root.resolve(name);
            if (!Files.exists(found)) {
                throw new IllegalArgumentException("goldens (" + given + ") must have " + name);
            }
            return found;
        }
        return own(name);
    }

    /** A folder or file of the test resources, whatever {@code -Dgoldens} says: cases of settings of this project. */
    public static Path own(String name) {
        URL url = Goldens.class.getResource("/goldens/" + name);
        try {
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Names of the model folders, each of an architecture that the registry knows. */
    public static List<String> models() throws IOException {
        try (Stream<Path> all = Files.list(folder("models"))) {
            return all.filter(f -> Files.exists(f.resolve("config.json")) && ModelRegistry.knows(ModelFolder.config(f)))
                    .map(f -> f.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    /** Of the model folders those for tests of what layers keep; all of them with {@code -Dgoldens}. */
    public static List<String> modelsByLayers() throws IOException {
        boolean all = !System.getProperty("goldens", "").isEmpty();
        return models().stream()
                .filter(name -> all || KINDS_OF_LAYERS.contains(name))
                .toList();
    }

    /**
     * Folders in {@code kv-formats}, of models that also have other layers than full attention, with heads that can be
     * quantized.
     */
    public static List<String> wideHybrids() throws IOException {
        try (Stream<Path> all = Files.list(own("kv-formats"))) {
            return all.map(f -> f.getFileName().toString())
                    .filter(name -> name.startsWith("wide-"))
                    .sorted()
                    .toList();
        }
    }

    /** Prints the line that every test over cases ends with. */
    public static void report(String test, int passed, int all) {
        System.out.println("golden " + test + ": " + passed + " of " + all + " passed");
    }
}
