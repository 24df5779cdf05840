package dev.langchain4j.model.mlx.parse;

import java.util.List;

/** How a model's outputs show tool calls: what the parser asks of a wire format. Immutable. */
public interface CallFormat {

    /** Nothing is a call. */
    CallFormat NONE = new CallFormat() {
        @Override
        public CallReader open(String start, CallEmitter calls, ToolSchemas tools) {
            throw new IllegalStateException("no marker opens a call");
        }
    };

    /**
     * A reader for the block that a marker of {@link #starts} opened; {@code start} is empty for a block without one.
     */
    CallReader open(String start, CallEmitter calls, ToolSchemas tools);

    /** Markers that open a block of calls. */
    default List<String> starts() {
        return List.of();
    }

    /** Markers that close a block, which models write once more behind one that is closed. */
    default List<String> ends() {
        return List.of();
    }

    /** Whether a call stands behind the marker {@code start}, which the input stands at; else the marker is no text. */
    default Input.Match opensCall(String start, Input in) {
        return Input.Match.YES;
    }

    /** Whether a marker opens calls behind text, too. */
    default boolean opensAnywhere(String start) {
        return true;
    }

    /** Whether an answer that begins so far ahead may be a call without a marker. */
    default boolean opensBare(Input in, int at, ToolSchemas tools) {
        return false;
    }

    /** Characters so far ahead that say whom a message is for, and are no part of it; 0 for none, -1 to wait. */
    default int headerLength(Input in, int at) {
        return 0;
    }

    /** How messages say whom they are for; null for formats that have no such messages, or a machine of their own. */
    default Recipients recipients() {
        return null;
    }

    /**
     * What stands around recipients.
     *
     * @param start opens a further message
     * @param headerEnd stands between a recipient and the message
     * @param everyone the recipient of an answer
     */
    record Recipients(String start, String headerEnd, String everyone) {
        /** Whether the start is a control token, which cannot be part of an answer's prose. */
        boolean isControl() {
            return start.startsWith("<|");
        }
    }
}
