package dev.langchain4j.model.mlx;

import static dev.langchain4j.model.mlx.MlxChatRequestParameters.either;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** What parameters of a request must keep to, each with its name, its value and the rule. */
final class ParameterRules {
    private ParameterRules() {}

    /** Checks what is no part of sampling. */
    static void check(MlxChatRequestParameters p) {
        if (p.maxOutputTokens() != null && p.maxOutputTokens() < 1) {
            throw new InvalidRequestException("maxOutputTokens (" + p.maxOutputTokens() + ") must be at least 1");
        }
        if (p.stopSequences().stream().anyMatch(stop -> stop == null || stop.isEmpty())) {
            throw new InvalidRequestException("stopSequences " + p.stopSequences()
                    + " must be texts of at least one character, none of them null");
        }
        if (p.timeout() != null && (p.timeout().isNegative() || p.timeout().isZero())) {
            throw new InvalidRequestException("timeout (" + p.timeout() + ") must be positive");
        }
        if (p.maxReasoningTokens() != null && p.maxReasoningTokens() < 0) {
            throw new InvalidRequestException("maxReasoningTokens (" + p.maxReasoningTokens() + ") must be at least 0");
        }
        if (p.reasoningEffort() != null && p.reasoningEffort().isBlank()) {
            throw new InvalidRequestException("reasoningEffort (" + p.reasoningEffort() + ") must not be blank");
        }
        Set<String> names = new HashSet<>();
        for (ToolSpecification tool : p.toolSpecifications()) {
            if (!names.add(tool.name())) {
                throw new InvalidRequestException(
                        "toolSpecifications (" + tool.name() + ") must not have two tools of the same name");
            }
        }
    }

    /** See {@link MlxChatRequestParameters#sampling}. */
    static Sampling sampling(MlxChatRequestParameters p, Sampling defaults) {
        p.logitBias().forEach(ParameterRules::bias);
        try {
            return new Sampling(
                    either(p.temperature(), defaults.temperature()),
                    either(p.topP(), defaults.topP()),
                    either(p.topK(), defaults.topK()),
                    either(p.minP(), defaults.minP()),
                    either(p.xtcProbability(), defaults.xtcProbability()),
                    either(p.xtcThreshold(), defaults.xtcThreshold()),
                    either(p.repetitionPenalty(), defaults.repetitionPenalty()),
                    either(p.presencePenalty(), defaults.presencePenalty()),
                    either(p.frequencyPenalty(), defaults.frequencyPenalty()),
                    either(p.penaltyWindow(), defaults.penaltyWindow()),
                    p.logitBias().isEmpty() ? defaults.logitBias() : p.logitBias(),
                    p.seed() != null ? p.seed() : ThreadLocalRandom.current().nextLong(),
                    p.topLogprobs() != null ? topLogprobs(p.topLogprobs()) : Sampling.NO_LOGPROBS);
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException(e.getMessage(), e);
        }
    }

    private static int topLogprobs(int count) {
        if (count < 0 || count > Sampling.TOP_LOGPROBS_MAX) {
            throw new InvalidRequestException(
                    "topLogprobs (" + count + ") must be from 0 to " + Sampling.TOP_LOGPROBS_MAX);
        }
        return count;
    }

    static void bias(Integer token, Double bias) {
        if (token == null || token < 0 || bias == null || !Double.isFinite(bias)) {
            throw new InvalidRequestException(
                    "logitBias (token " + token + ": " + bias + ") must map token ids from 0 on to finite numbers");
        }
    }

    /** Checks that the biased tokens are ones that a model has. */
    static void bias(Iterable<Integer> tokens, int vocabularySize) {
        for (int id : tokens) {
            if (id >= vocabularySize) {
                throw new InvalidRequestException(
                        "logitBias (token " + id + ") must be a token id from 0 to " + (vocabularySize - 1));
            }
        }
    }
}
