package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.model.JsonFiles;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a model folder says of generating: which tokens end an answer (config.json, generation_config.json and
 * tokenizer_config.json together) and how tokens are drawn if the request does not say. Without a word of it in
 * generation_config.json the likeliest token is taken.
 *
 * @param endTokens ids that end an answer
 * @param sampling defaults of each parameter
 */
record GenerationDefaults(Set<Integer> endTokens, Sampling sampling) {
    static GenerationDefaults load(Path folder, ModelConfig config, Tokenizer tokenizer) {
        Path generationFile = folder.resolve("generation_config.json");
        JsonNode json = Files.isRegularFile(generationFile)
                ? JsonFiles.read(generationFile)
                : JsonNodeFactory.instance.objectNode();
        ModelConfig generation = new ModelConfig(json, generationFile.toString());
        JsonNode tokenizerConfig = optional(folder.resolve("tokenizer_config.json"));
        return new GenerationDefaults(
                endTokens(config, generation, tokenizerConfig, tokenizer),
                sampling(generation));
    }

    private static JsonNode optional(Path file) {
        return Files.isRegularFile(file) ? JsonFiles.read(file) : MissingNode.getInstance();
    }

    private static Set<Integer> endTokens(
            ModelConfig config, ModelConfig generation, JsonNode tokenizerConfig, Tokenizer tokenizer) {
        Set<Integer> ids = new TreeSet<>();
        addIds(config, ids);
        addIds(config.section("text_config"), ids);
        addIds(generation, ids);
        JsonNode token = tokenizerConfig.path("eos_token");
        String text = token.isTextual() ? token.asText() : token.path("content").asText("");
        tokenizer.id(text).ifPresent(ids::add);
        return ids;
    }

    private static void addIds(ModelConfig config, Set<Integer> ids) {
        if (config == null || !config.has("eos_token_id")) {
            return;
        }
        for (double id : config.numbers("eos_token_id")) {
            if (id != Math.rint(id) || id < 0 || id > Integer.MAX_VALUE) {
                throw config.invalid("eos_token_id", id, "must be a token id, or an array of them");
            }
            ids.add((int) id);
        }
    }

    private static Sampling sampling(ModelConfig generation) {
        boolean draws = generation.flag("do_sample", generation.has("temperature"));
        Sampling greedy = Sampling.GREEDY;
        return new Sampling(
                draws ? positive(generation, "temperature", 1) : 0,
                draws ? positive(generation, "top_p", 0) : 0,
                draws ? generation.integer("top_k", 0) : 0,
                draws ? positive(generation, "min_p", 0) : 0,
                greedy.xtcProbability(),
                greedy.xtcThreshold(),
                positive(generation, "repetition_penalty", 1),
                greedy.presencePenalty(),
                greedy.frequencyPenalty(),
                greedy.penaltyWindow(),
                greedy.logitBias(),
                greedy.seed(),
                greedy.topLogprobs());
    }

    private static double positive(ModelConfig generation, String name, double otherwise) {
        double value = generation.number(name, otherwise);
        if (value < 0) {
            throw generation.invalid(name, value, "must not be negative");
        }
        return value;
    }
}
