package dev.langchain4j.model.mlx;

import dev.langchain4j.model.mlx.prompt.MessageChange;
import java.util.List;

/**
 * A change of a request's message before the model read it: the chat template refuses or drops the original, or the
 * conversation is too long. Immutable.
 *
 * @param message index of the message in the request, from 0
 * @param kind what was changed
 */
public record PromptChange(int message, Kind kind) {

    /** What is changed in messages. */
    public enum Kind {
        /** It was dropped because the conversation is longer than its context; see {@link ContextOverflow}. */
        DROPPED,
        /** A system message was merged into another message, became a user message, or was moved after tool results. */
        SYSTEM_MOVED,
        /** The message was joined to the one of the same role before it. */
        JOINED,
        /** A message that says nothing, {@code ...}, was put before it. */
        SPACER_ADDED,
        /** A result that says {@code no result} was added to a tool call of this message, which had none. */
        RESULT_ADDED,
        /** A tool result without its call became a user message. */
        RESULT_AS_TEXT,
        /**
         * Tool calls were put into the order of their results, where the prompt does not tell whose result is whose.
         */
        CALLS_REORDERED,
        /** Tool calls became text of the answer. */
        CALLS_AS_TEXT,
        /** Arguments of a tool call that were not a JSON object were put into one. */
        ARGUMENTS_WRAPPED,
        /** The ID of a tool call was replaced by one that the chat template accepts, here and in its result. */
        ID_REPLACED,
        /** {@code ...}, or {@code no result}, stands for a text that is empty. */
        TEXT_FILLED,
        /** The text beside tool calls was left out. */
        TEXT_LEFT_OUT,
        /** Images of a tool's result are shown as the user's, after the results. */
        IMAGES_MOVED
    }

    static List<PromptChange> of(List<MessageChange> changes) {
        return changes.stream()
                .map(change -> new PromptChange(change.message(), kind(change.kind())))
                .toList();
    }

    private static Kind kind(MessageChange.Kind kind) {
        return switch (kind) {
            case DROPPED -> Kind.DROPPED;
            case SYSTEM_MOVED -> Kind.SYSTEM_MOVED;
            case JOINED -> Kind.JOINED;
            case SPACER_ADDED -> Kind.SPACER_ADDED;
            case RESULT_ADDED -> Kind.RESULT_ADDED;
            case RESULT_AS_TEXT -> Kind.RESULT_AS_TEXT;
            case CALLS_REORDERED -> Kind.CALLS_REORDERED;
            case CALLS_AS_TEXT -> Kind.CALLS_AS_TEXT;
            case ARGUMENTS_WRAPPED -> Kind.ARGUMENTS_WRAPPED;
            case ID_REPLACED -> Kind.ID_REPLACED;
            case TEXT_FILLED -> Kind.TEXT_FILLED;
            case TEXT_LEFT_OUT -> Kind.TEXT_LEFT_OUT;
            case IMAGES_MOVED -> Kind.IMAGES_MOVED;
        };
    }
}
