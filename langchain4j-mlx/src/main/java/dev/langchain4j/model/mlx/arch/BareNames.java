package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.util.List;
import java.util.Map;

/**
 * Names of checkpoints that were saved without the head for the next token, as those of Qwen3-Embedding: they lack the
 * {@code model.} that others have, at the beginning or behind the prefix of a language model inside of another.
 */
final class BareNames {
    private static final String EMBEDDING = "embed_tokens.weight";

    private BareNames() {}

    static void sanitize(ModelConfig config, Map<String, MlxArray> tensors) {
        for (String around : List.of("", "language_model.")) {
            if (tensors.containsKey(around + EMBEDDING)) {
                addModel(around, tensors);
            }
        }
    }

    private static void addModel(String around, Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.startsWith(around) && !name.startsWith(around + "lm_head.")) {
                tensors.put(around + "model." + name.substring(around.length()), tensors.remove(name));
            }
        }
    }
}
