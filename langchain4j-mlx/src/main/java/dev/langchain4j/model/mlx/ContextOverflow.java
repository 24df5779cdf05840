package dev.langchain4j.model.mlx;

/** The handling of a conversation that outgrows the context of its model. */
public enum ContextOverflow {
    /** The request fails with an InvalidRequestException, before any work. */
    FAIL,

    /**
     * The oldest turns are dropped as a whole: a user message, and all answers, tool calls and results up to the next
     * user message. System messages and the last turn stay. If the last turn alone is too long, the request fails. Room
     * for the answer is reserved: {@code maxOutputTokens}, or 1,024 tokens, but at most half of the context. More turns
     * than necessary are dropped, up to a quarter of the context, so that the next prompts share a prefix in the prompt
     * cache. {@link MlxChatResponseMetadata#promptChanges()} names each message that was {@link
     * PromptChange.Kind#DROPPED}.
     */
    DROP_OLDEST_TURNS
}
