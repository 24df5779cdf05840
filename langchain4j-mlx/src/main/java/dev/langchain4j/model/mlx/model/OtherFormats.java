package dev.langchain4j.model.mlx.model;

import dev.langchain4j.exception.LangChain4jException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** What a folder that is no model folder has instead, and what can be done with it. */
final class OtherFormats {
    private static final String CONVERT =
            "convert the original model with mlx_lm.convert, or take one of mlx-community";

    /** What is said of files whose names match. The first that has any counts. */
    private static final Map<String, String> KINDS = new LinkedHashMap<>();

    static {
        KINDS.put(".*\\.gguf", "GGUF, which is not supported: " + CONVERT);
        KINDS.put("adapters?(_model)?\\.(safetensors|bin)|adapter_config\\.json", "");
        KINDS.put(
                "consolidated.*\\.safetensors", "weights in Mistral's own layout, which is not supported: " + CONVERT);
        KINDS.put(".*\\.(bin|pt|pth|ckpt)", "weights of PyTorch, which are not supported: " + CONVERT);
        KINDS.put(".*\\.(onnx|h5|msgpack|npz)", "weights of another framework, which are not supported: " + CONVERT);
    }

    private OtherFormats() {}

    /** The rest of a sentence that says what is missing; empty if there is nothing to say. */
    static String hint(Path folder) {
        List<String> names;
        try (Stream<Path> all = Files.list(folder)) {
            names = all.map(f -> f.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            return "";
        }
        if (names.stream().anyMatch(name -> name.matches("model.*\\.safetensors"))) {
            return "";
        }
        for (Map.Entry<String, String> kind : KINDS.entrySet()) {
            for (String name : names) {
                if (name.matches(kind.getKey())) {
                    return "; it has " + name + ": " + (kind.getValue().isEmpty() ? adapter(folder) : kind.getValue());
                }
            }
        }
        return "";
    }

    private static String adapter(Path folder) {
        String base = "the model that it was trained for";
        try {
            Path file = folder.resolve("adapter_config.json");
            if (Files.isRegularFile(file)) {
                base = JsonFiles.read(file).path("base_model_name_or_path").asText(base);
            }
        } catch (LangChain4jException e) {
            // the hint is there without the name
        }
        return "it is an adapter: load " + base + " with this folder as adapter";
    }
}
