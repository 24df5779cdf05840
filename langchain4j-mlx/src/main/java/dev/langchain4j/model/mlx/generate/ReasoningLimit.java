package dev.langchain4j.model.mlx.generate;

/**
 * How much of an answer may be reasoning, and what closes the rest of it off.
 *
 * @param maxTokens tokens of reasoning after which it is closed, at least 0
 * @param closing texts that close it, the one that is tried first, first: the next one is written where a grammar has
 *     no place for the one before; not empty
 * @param closingAgain the same where the model opens reasoning again, beyond the limit
 */
public record ReasoningLimit(int maxTokens, int[][] closing, int[][] closingAgain) {}
