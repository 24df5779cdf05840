package dev.langchain4j.model.mlx.testing;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** An adapter of PEFT that learned nothing: random changes of a model's linear layers. */
public final class RandomAdapter {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int RANK = 4;

    private RandomAdapter() {}

    /**
     * Writes an adapter.
     *
     * @param model a folder whose weights are in one file, plain or in 4 bits
     * @param dora whether rows get random lengths, too
     * @param layers last words of the names of linear layers
     */
    public static Path write(Path folder, Path model, boolean dora, List<String> layers) {
        ObjectNode config = JSON.createObjectNode();
        config.put("peft_type", "LORA")
                .put("r", RANK)
                .put("lora_alpha", 2 * RANK)
                .put("use_dora", dora);
        ArrayNode targets = config.putArray("target_modules");
        layers.forEach(targets::add);
        try (MlxThread thread = MlxThread.start("adapter")) {
            Files.createDirectories(folder);
            JSON.writeValue(folder.resolve("adapter_config.json").toFile(), config);
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    Map<String, MlxArray> changes = new TreeMap<>();
                    String names = ".*\\.(" + String.join("|", layers) + ")\\.weight";
                    Safetensors.load(model.resolve("model.safetensors")).forEach((name, matrix) -> {
                        if (name.matches(names)) {
                            int in = matrix.dim(1) * (matrix.dtype() == DType.UINT32 ? 8 : 1);
                            String layer = "base_model.model." + name.replace(".weight", "");
                            put(changes, layer + ".lora_A.weight", 0, RANK, in);
                            put(changes, layer + ".lora_B.weight", 0, matrix.dim(0), RANK);
                            if (dora) {
                                put(changes, layer + ".lora_magnitude_vector", 1, matrix.dim(0));
                            }
                        }
                    });
                    Safetensors.save(folder.resolve("adapter_model.safetensors"), changes);
                }
            });
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void put(Map<String, MlxArray> changes, String name, double mean, int... shape) {
        MlxArray random = Random.normal(Random.key(changes.size()), shape);
        changes.put(name, Ops.add(Ops.multiply(random, 0.1), mean));
    }
}
