package dev.langchain4j.model.mlx.generate;

import java.util.List;

/**
 * How likely a generated token was: the natural logarithm of its probability, after bias and penalties and before top_p
 * and what follows it, as mlx-lm reports it.
 *
 * @param id the token
 * @param logprob at most 0
 * @param top the likeliest tokens of its step, the likeliest first, with no {@code top} of their own; empty if none
 *     were asked for
 */
public record TokenLogprob(int id, float logprob, List<TokenLogprob> top) {}
