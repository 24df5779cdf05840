package dev.langchain4j.model.mlx.prompt;

/**
 * Something that was changed in a message of a request, for the chat template could not say it.
 *
 * @param message index of the message in the request
 */
public record MessageChange(int message, Kind kind) {

    /** What was changed. */
    public enum Kind {
        /** The message was left out, for the conversation is longer than its context. */
        DROPPED,
        /** A system message became part of another message, or a user message. */
        SYSTEM_MOVED,
        /** The message was joined to the one of the same role before it. */
        JOINED,
        /** A message that says nothing was put before it. */
        SPACER_ADDED,
        /** A result that says so was added to a call that has none. */
        RESULT_ADDED,
        /** A result became text of the user. */
        RESULT_AS_TEXT,
        /** Calls were put into the order of their results. */
        CALLS_REORDERED,
        /** Calls became text of the answer. */
        CALLS_AS_TEXT,
        /** Arguments of a call that are no JSON object were put into one. */
        ARGUMENTS_WRAPPED,
        /** IDs of calls were replaced by others. */
        ID_REPLACED,
        /** A text that says nothing stands for an empty one. */
        TEXT_FILLED,
        /** The text beside calls was left out. */
        TEXT_LEFT_OUT,
        /** Images of a result were shown as the user's, behind it. */
        IMAGES_MOVED
    }
}
