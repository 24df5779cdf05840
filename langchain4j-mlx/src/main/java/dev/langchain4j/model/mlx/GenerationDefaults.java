package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.model.JsonFiles;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a model folder says of generating: which tokens end an answer (config.json, generation_config.json and
 * tokenizer_config.json together) and how tokens are drawn if the request does not say. Without a word of it in
 * generation_config.json the likeliest token is taken. What that file has wrong is left out with a warning: a model
 * works without it.
 *
 * @param endTokens ids that end an answer
 * @param sampling defaults of each parameter
 */
record GenerationDefaults(Set<Integer> endTokens, Sampling sampling) {
    private static final Logger log = LoggerFactory.getLogger(GenerationDefaults.class);
    private static final String END = "eos_token_id";

    /** Those of them that a model with so many logits can draw. */
    int[] endTokens(int vocabulary) {
        return endTokens.stream()
                .mapToInt(Integer::intValue)
                .filter(end -> end < vocabulary)
                .toArray();
    }

    static GenerationDefaults load(Path folder, ModelConfig config, Tokenizer tokenizer) {
        ModelConfig generation = JsonFiles.optional(folder.resolve("generation_config.json"));
        Path tokenizerFile = folder.resolve("tokenizer_config.json");
        JsonNode tokenizerConfig =
                Files.isRegularFile(tokenizerFile) ? JsonFiles.read(tokenizerFile) : MissingNode.getInstance();
        Set<Integer> ids = new TreeSet<>();
        addIds(config, ids);
        addIds(config.section("text_config"), ids);
        try {
            addIds(generation, ids);
        } catch (InvalidRequestException e) {
            leftOut(e);
        }
        JsonNode token = tokenizerConfig.path("eos_token");
        String text = token.isTextual() ? token.asText() : token.path("content").asText("");
        tokenizer.id(text).ifPresent(ids::add);
        return new GenerationDefaults(ids, sampling(generation));
    }

    private static void leftOut(InvalidRequestException wrong) {
        log.warn("{}; it is ignored", wrong.getMessage());
    }

    /** One id or several; null and -1, alone or among others, are none. Some tools write numbers as text. */
    private static void addIds(ModelConfig config, Set<Integer> ids) {
        if (config == null || !config.has(END)) {
            return;
        }
        JsonNode value = config.json().get(END);
        for (JsonNode one : value.isArray() ? value : List.of(value)) {
            double id = one.isTextual() && one.asText().matches("\\d{1,9}") ? one.asInt() : one.asDouble(Double.NaN);
            if (one.isNull() || id == -1) {
                continue;
            }
            if (!one.isNumber() && !one.isTextual() || id != Math.rint(id) || id < 0 || id > Integer.MAX_VALUE) {
                throw config.invalid(END, value, "must be a token id, or an array of them");
            }
            ids.add((int) id);
        }
    }

    private static Sampling sampling(ModelConfig generation) {
        boolean draws = generation.has("temperature");
        try {
            draws = generation.flag("do_sample", draws);
        } catch (InvalidRequestException e) {
            leftOut(e);
        }
        double topK = number(generation, "top_k", -1, Integer.MAX_VALUE, 0);
        Sampling greedy = Sampling.GREEDY;
        return new Sampling(
                draws ? number(generation, "temperature", 0, 100, 1) : 0,
                draws ? number(generation, "top_p", 0, 1, 0) : 0,
                draws ? (int) Math.max(0, topK) : 0,
                draws ? number(generation, "min_p", 0, 1, 0) : 0,
                greedy.xtcProbability(),
                greedy.xtcThreshold(),
                number(generation, "repetition_penalty", 1e-6, 1e6, 1),
                greedy.presencePenalty(),
                greedy.frequencyPenalty(),
                greedy.penaltyWindow(),
                greedy.logitBias(),
                greedy.seed(),
                greedy.topLogprobs());
    }

    private static double number(ModelConfig generation, String name, double low, double high, double otherwise) {
        try {
            double value = generation.number(name, otherwise);
            if (value < low || value > high) {
                throw generation.invalid(name, value, "must be from " + low + " to " + high);
            }
            return value;
        } catch (InvalidRequestException e) {
            leftOut(e);
            return otherwise;
        }
    }
}
