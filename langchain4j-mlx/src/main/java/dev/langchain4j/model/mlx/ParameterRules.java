package dev.langchain4j.model.mlx;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.util.HashSet;
import java.util.Set;

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
            throw new InvalidRequestException("timeout (" + p.timeout() + ") must be longer than nothing");
        }
        Set<String> names = new HashSet<>();
        for (ToolSpecification tool : p.toolSpecifications()) {
            if (!names.add(tool.name())) {
                throw new InvalidRequestException(
                        "toolSpecifications (" + tool.name() + ") must not have two tools of the same name");
            }
        }
    }

    static int topLogprobs(int count) {
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
                        "logitBias (token " + id + ") must be of token ids from 0 to " + (vocabularySize - 1));
            }
        }
    }
}
