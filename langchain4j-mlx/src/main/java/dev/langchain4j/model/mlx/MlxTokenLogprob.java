package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.generate.TokenLogprob;
import java.util.List;

/**
 * The log-probability of a generated token, and of its alternatives. Log-probabilities are natural logarithms, after
 * logit bias and penalties and before top_p and what follows it, as mlx-lm reports them. Immutable.
 *
 * @param id the token
 * @param token its text alone; part of a character that several tokens make up is shown as the replacement character
 * @param logprob at most 0
 * @param top the most likely tokens of the same step in descending order, as many as were requested
 */
public record MlxTokenLogprob(int id, String token, double logprob, List<MlxTokenLogprob> top) {
    /** Copies the list. */
    public MlxTokenLogprob {
        top = List.copyOf(top);
    }

    static List<MlxTokenLogprob> of(List<TokenLogprob> logprobs, Tokenizer tokenizer) {
        return logprobs.stream()
                .map(one -> new MlxTokenLogprob(
                        one.id(),
                        tokenizer.decode(new int[] {one.id()}, false),
                        one.logprob(),
                        of(one.top(), tokenizer)))
                .toList();
    }
}
