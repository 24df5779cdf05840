package dev.langchain4j.model.mlx.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/**
 * Released models, which {@code samples/bench/make_real.py} makes; tests of them run with {@code -Dreal.models=DIR}
 * only. What others compute of them stands in the resources.
 */
public final class RealModels {
    /** The property that names their folder. */
    public static final String PROPERTY = "real.models";

    private RealModels() {}

    /** SmolLM2-135M-Instruct. */
    public static Path chat() {
        return folder("SmolLM2-135M-Instruct");
    }

    /** all-MiniLM-L6-v2. */
    public static Path embedding() {
        return folder("all-MiniLM-L6-v2");
    }

    private static Path folder(String name) {
        Path root = Path.of(System.getProperty(PROPERTY));
        return (root.isAbsolute()
                        ? root
                        : Path.of(System.getProperty("project.root")).resolve(root))
                .resolve(name);
    }

    /** What was recorded, {@code real/NAME.json} of the test resources. */
    public static JsonNode recorded(String name) throws IOException {
        try (InputStream file = RealModels.class.getResourceAsStream("/real/" + name + ".json")) {
            return new ObjectMapper().readTree(file);
        }
    }
}
