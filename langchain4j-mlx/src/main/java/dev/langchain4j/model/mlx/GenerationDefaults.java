package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a model folder says of generating: which tokens end an answer (config.json, generation_config.json and
 * tokenizer_config.json together) and how tokens are drawn if the request does not say. Without a word of it in
 * generation_config.json the likeliest token is taken.
 *
 * @param endTokens ids that end an answer
 * @param sampling defaults of each parameter
 * @param contextLength most tokens of prompt and answer together
 */
record GenerationDefaults(Set<Integer> endTokens, Sampling sampling, int contextLength) {
    private static final int UNLIMITED = 1 << 24;

    static GenerationDefaults load(Path folder, ModelConfig config, Tokenizer tokenizer) {
        JsonNode generation = optional(folder.resolve("generation_config.json"));
        JsonNode tokenizerConfig = optional(folder.resolve("tokenizer_config.json"));
        return new GenerationDefaults(
                endTokens(config.json(), generation, tokenizerConfig, tokenizer),
                sampling(generation),
                contextLength(config));
    }

    private static JsonNode optional(Path file) {
        return Files.isRegularFile(file) ? ModelLoader.json(file) : MissingNode.getInstance();
    }

    private static Set<Integer> endTokens(
            JsonNode config, JsonNode generation, JsonNode tokenizerConfig, Tokenizer tokenizer) {
        Set<Integer> ids = new TreeSet<>();
        addIds(config.path("eos_token_id"), ids);
        addIds(config.path("text_config").path("eos_token_id"), ids);
        addIds(generation.path("eos_token_id"), ids);
        JsonNode token = tokenizerConfig.path("eos_token");
        String text = token.isTextual() ? token.asText() : token.path("content").asText("");
        tokenizer.id(text).ifPresent(ids::add);
        return ids;
    }

    private static void addIds(JsonNode value, Set<Integer> ids) {
        if (value.isIntegralNumber()) {
            ids.add(value.asInt());
        } else {
            value.forEach(id -> ids.add(id.asInt()));
        }
    }

    private static Sampling sampling(JsonNode generation) {
        boolean draws = generation.path("do_sample").asBoolean(generation.has("temperature"));
        Sampling greedy = Sampling.GREEDY;
        return new Sampling(
                draws ? generation.path("temperature").asDouble(1) : 0,
                draws ? generation.path("top_p").asDouble(0) : 0,
                draws ? generation.path("top_k").asInt(0) : 0,
                draws ? generation.path("min_p").asDouble(0) : 0,
                greedy.xtcProbability(),
                greedy.xtcThreshold(),
                generation.path("repetition_penalty").asDouble(1),
                greedy.presencePenalty(),
                greedy.frequencyPenalty(),
                greedy.penaltyWindow(),
                Map.of(),
                0);
    }

    /** Yarn stretches the context that max_position_embeddings names, unless that names the stretched one already. */
    private static int contextLength(ModelConfig config) {
        ModelConfig text = config.has("max_position_embeddings") || !config.has("text_config")
                ? config
                : config.section("text_config");
        int positions = text.count("max_position_embeddings", UNLIMITED);
        ModelConfig scaling = text.section("rope_scaling");
        if (scaling == null || !scaling.has("factor") || !scaling.has("original_max_position_embeddings")) {
            return positions;
        }
        double stretched = scaling.number("factor") * scaling.number("original_max_position_embeddings");
        return (int) Math.min(UNLIMITED, Math.max(positions, stretched));
    }
}
