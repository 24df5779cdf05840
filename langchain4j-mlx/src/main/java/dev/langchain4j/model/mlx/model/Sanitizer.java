package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.MlxArray;
import java.util.Map;

/** Brings the tensors of a checkpoint into the form that an architecture asks for: renames, stacks, drops. Lazy. */
interface Sanitizer {

    /** Drops what older exports carry along and what tied embeddings make superfluous. */
    Sanitizer COMMON = (config, tensors) -> {
        tensors.keySet().removeIf(name -> name.contains("rotary_emb.inv_freq"));
        if (config.flag("tie_word_embeddings", true)) {
            tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
        }
    };

    /** Changes the map of tensors in place. */
    void sanitize(ModelConfig config, Map<String, MlxArray> tensors);
}
