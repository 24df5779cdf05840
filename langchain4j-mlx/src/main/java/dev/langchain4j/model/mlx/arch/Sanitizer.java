package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.util.Map;

/** Brings the tensors of a checkpoint into the form that an architecture asks for: renames, stacks, drops. Lazy. */
interface Sanitizer {

    /** Drops only what older exports carry along. */
    Sanitizer PLAIN = (config, tensors) -> dropFrequencies(tensors);

    /** For architectures whose embeddings are tied unless config.json says otherwise. */
    Sanitizer TIED = (config, tensors) -> drop(config, tensors, true);

    /** For architectures whose embeddings are not tied unless config.json says so. */
    Sanitizer UNTIED = (config, tensors) -> drop(config, tensors, false);

    private static void dropFrequencies(Map<String, MlxArray> tensors) {
        tensors.keySet().removeIf(name -> name.endsWith(".inv_freq"));
    }

    /** Drops what older exports carry along and what tied embeddings make superfluous. */
    private static void drop(ModelConfig config, Map<String, MlxArray> tensors, boolean tied) {
        dropFrequencies(tensors);
        if (config.flag("tie_word_embeddings", tied)) {
            tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
        }
    }

    /** This one, and then the other. */
    default Sanitizer and(Sanitizer next) {
        return (config, tensors) -> {
            sanitize(config, tensors);
            next.sanitize(config, tensors);
        };
    }

    /** Changes the map of tensors in place. */
    void sanitize(ModelConfig config, Map<String, MlxArray> tensors);
}
