package dev.langchain4j.model.mlx.ranks;

/**
 * What the ranks of a model have done so far, as the first one sees it.
 *
 * @param ranks how many compute the model; 0 once one was lost
 * @param steps records that told the others what to do
 * @param exchangedBytes bytes of the arrays that the first rank put into exchanges
 * @param nanosWaited how long the first rank waited until all had received a record
 */
public record RankStats(int ranks, long steps, long exchangedBytes, long nanosWaited) {}
