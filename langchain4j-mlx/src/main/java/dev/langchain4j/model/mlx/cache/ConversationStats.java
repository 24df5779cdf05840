package dev.langchain4j.model.mlx.cache;

/**
 * Statistics of one conversation.
 *
 * @param state what it is doing
 * @param requests requests begun
 * @param promptTokens tokens of their prompts
 * @param cachedTokens those of them that were reused
 * @param lastPosition tokens of its last request, generated ones included
 */
public record ConversationStats(State state, long requests, long promptTokens, long cachedTokens, int lastPosition) {
    /** What a conversation is doing. */
    public enum State {
        /** A request runs. */
        RUNNING,
        /** Its last answer asked for tools, so it will be back at once. */
        IN_TOOL_LOOP,
        /** It waits for its user. */
        IDLE
    }
}
