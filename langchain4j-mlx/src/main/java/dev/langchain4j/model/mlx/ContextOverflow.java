package dev.langchain4j.model.mlx;

/** What becomes of a conversation that outgrows the context of its model. */
public enum ContextOverflow {
    /** The request fails with an InvalidRequestException, before any work. */
    FAIL,

    /**
     * The oldest turns are left out, whole: what a user said, and all answers, tool calls and results up to what the user
     * said next. System messages stay, and so does the last turn; if that alone is too long, the request fails. Room for the
     * answer is left: {@code maxOutputTokens}, or 1,024 tokens, but no more than half of the context. More is left out than
     * must be, up to a quarter of the context, so that the prompts of the next turns begin alike and are found in the prompt
     * cache. {@link MlxChatResponseMetadata#promptChanges()} names each message that was {@link PromptChange.Kind#DROPPED}.
     */
    DROP_OLDEST_TURNS
}
