package dev.langchain4j.model.mlx.cache;

/**
 * Statistics of prompts that were computed ahead, while the model was idle.
 *
 * @param finished how often the whole known beginning of a prompt was computed
 * @param stopped how often less of it was: a request came, there was no more room, the conversation was evicted, the
 *     model was closed
 * @param tokens tokens that were computed
 * @param reusedTokens those of them that a request has used
 */
public record AheadStats(long finished, long stopped, long tokens, long reusedTokens) {
    static final AheadStats NONE = new AheadStats(0, 0, 0, 0);
}
