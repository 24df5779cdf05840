package dev.langchain4j.model.mlx.embed;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.mlx.model.JsonFiles;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a folder says of its sentence vectors, as sentence-transformers writes it: modules.json, the Pooling module's
 * config.json, sentence_bert_config.json and config_sentence_transformers.json.
 *
 * @param pooling null if the folder does not say
 * @param normalize whether vectors have length one
 * @param promptCounts whether the tokens of a prompt take part in pooling
 * @param tokensMax most tokens of a text, special ones included; null if the folder does not say
 * @param lowerCase whether texts are brought to lower case
 * @param prompts what stands before a text, by name
 * @param defaultPrompt name of the prompt for texts without a type; null for none
 */
record SentenceSettings(
        List<Pooling> pooling,
        boolean normalize,
        boolean promptCounts,
        Integer tokensMax,
        boolean lowerCase,
        Map<String, String> prompts,
        String defaultPrompt) {

    private static final double TOKENS_MAX = 1 << 28;

    static SentenceSettings load(Path folder) {
        List<Pooling> pooling = null;
        boolean normalize = false;
        boolean promptCounts = true;
        Path transformer = folder;
        Path modules = folder.resolve("modules.json");
        if (Files.isRegularFile(modules)) {
            for (JsonNode module : JsonFiles.read(modules)) {
                String type = module.path("type").asText();
                Path path = inside(folder, module.path("path").asText(), modules);
                switch (type.substring(type.lastIndexOf('.') + 1)) {
                    case "Transformer" -> transformer = path;
                    case "Pooling" -> {
                        ModelConfig config = ModelFolder.config(path);
                        pooling = pooling(config);
                        promptCounts = config.flag("include_prompt", true);
                    }
                    case "Normalize" -> normalize = true;
                    default ->
                        throw new UnsupportedFeatureException(
                                "modules.json in " + folder + " has the module " + type + ", which is not supported");
                }
            }
        }
        ModelConfig sentences = optional(transformer.resolve("sentence_bert_config.json"));
        ModelConfig model = optional(folder.resolve("config_sentence_transformers.json"));
        return new SentenceSettings(
                pooling,
                normalize,
                promptCounts,
                tokensMax(folder, sentences),
                sentences != null && sentences.flag("do_lower_case", false),
                prompts(model),
                model == null ? null : model.text("default_prompt_name", null));
    }

    private static Path inside(Path folder, String path, Path modules) {
        Path inside = folder.resolve(path).normalize();
        if (!inside.startsWith(folder.normalize())) {
            throw new InvalidRequestException(
                    modules + " names the folder " + path + ", which is outside of the model folder");
        }
        return inside;
    }

    private static List<Pooling> pooling(ModelConfig config) {
        List<Pooling> ways = new ArrayList<>();
        String mode = config.text("pooling_mode", null);
        for (Pooling way : Pooling.values()) {
            boolean chosen = mode == null ? config.flag(way.flag(), false) : mode.equals(way.mode());
            if (chosen) {
                ways.add(way);
            }
        }
        if (ways.isEmpty()) {
            throw config.invalid(
                    "pooling_mode", mode, "must be cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken");
        }
        return List.copyOf(ways);
    }

    /** max_seq_length, else what the tokenizer was made for. */
    private static Integer tokensMax(Path folder, ModelConfig sentences) {
        if (sentences != null && sentences.has("max_seq_length")) {
            return sentences.count("max_seq_length");
        }
        ModelConfig tokenizer = optional(folder.resolve("tokenizer_config.json"));
        double limit = tokenizer == null ? Double.NaN : tokenizer.number("model_max_length", Double.NaN);
        return limit >= 1 && limit < TOKENS_MAX ? Integer.valueOf((int) limit) : null;
    }

    private static Map<String, String> prompts(ModelConfig model) {
        Map<String, String> prompts = new HashMap<>();
        if (model != null && model.section("prompts") != null) {
            model.section("prompts")
                    .json()
                    .properties()
                    .forEach(e -> prompts.put(e.getKey(), e.getValue().asText()));
        }
        return Map.copyOf(prompts);
    }

    private static ModelConfig optional(Path file) {
        return Files.isRegularFile(file) ? new ModelConfig(JsonFiles.read(file), file.toString()) : null;
    }
}
