package dev.langchain4j.model.mlx.model;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.arch.Llama;
import dev.langchain4j.model.mlx.arch.Mixtral;
import dev.langchain4j.model.mlx.arch.Olmoe;
import dev.langchain4j.model.mlx.arch.Qwen3Moe;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The architectures by model_type. The only class that names them. */
public final class ModelRegistry {

    /** Builds a model over weights that fit its config. */
    interface Factory {
        LanguageModel create(ModelConfig config, Weights weights);
    }

    /**
     * What is known of an architecture.
     *
     * @param factory builds it
     * @param sanitizer brings the tensors of a raw folder into the form that the factory asks for
     */
    record Architecture(Factory factory, Sanitizer sanitizer) {}

    private static final Map<String, Architecture> ARCHITECTURES = new TreeMap<>();

    static {
        ARCHITECTURES.put("llama", new Architecture(Llama::llama, Sanitizer.TIED));
        ARCHITECTURES.put("mixtral", new Architecture(Mixtral::create, Sanitizer.UNTIED.and(Mixtral::sanitize)));
        ARCHITECTURES.put("olmoe", new Architecture(Olmoe::create, Sanitizer.TIED.and(Olmoe::sanitize)));
        ARCHITECTURES.put("qwen2", new Architecture(Llama::qwen2, Sanitizer.TIED));
        ARCHITECTURES.put("qwen3", new Architecture(Llama::qwen3, Sanitizer.TIED));
        ARCHITECTURES.put("qwen3_moe", new Architecture(Qwen3Moe::create, Sanitizer.TIED.and(Qwen3Moe::sanitize)));
        ARCHITECTURES.put("smollm3", new Architecture(Llama::smollm3, Sanitizer.TIED));
    }

    /** Other names of the same thing, as mlx-lm's loader maps them. */
    private static final Map<String, String> ALIASES =
            Map.of("mistral", "llama", "iquestcoder", "llama", "xverse", "llama");

    private ModelRegistry() {}

    /** All names that {@link #find} knows. */
    public static Set<String> modelTypes() {
        Set<String> all = new java.util.TreeSet<>(ARCHITECTURES.keySet());
        ALIASES.forEach((alias, target) -> {
            if (ARCHITECTURES.containsKey(target)) {
                all.add(alias);
            }
        });
        return all;
    }

    static Architecture find(ModelConfig config) {
        String type = config.modelType();
        Architecture found = ARCHITECTURES.get(ALIASES.getOrDefault(type, type));
        if (found == null) {
            throw new InvalidRequestException("model_type (" + type + ") in " + config.where() + " must be one of "
                    + String.join(", ", modelTypes()));
        }
        return found;
    }
}
