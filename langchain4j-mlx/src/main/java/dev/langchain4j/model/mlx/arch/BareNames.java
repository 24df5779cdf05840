package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.util.List;
import java.util.Map;

/**
 * Names of checkpoints that were saved without the head for the next token, as those of Qwen3-Embedding: they lack the
 * {@code model.} that others begin with.
 */
final class BareNames {
    private static final String EMBEDDING = "embed_tokens.weight";

    private BareNames() {}

    static void sanitize(ModelConfig config, Map<String, MlxArray> tensors) {
        if (!tensors.containsKey(EMBEDDING)) {
            return;
        }
        for (String name : List.copyOf(tensors.keySet())) {
            if (!name.startsWith("lm_head.")) {
                tensors.put("model." + name, tensors.remove(name));
            }
        }
    }
}
