package dev.langchain4j.model.mlx.parse;

/**
 * Receives what {@link OutputParser} recognises, in the order of the output and on the thread that feeds the parser.
 *
 * <p>Pieces add up: all of {@link #text} is the answer, all of {@link #thinking} the reasoning, and all
 * {@link #partialToolCall} pieces of an ID are exactly the arguments that {@link #toolCall} then gives. None is empty.
 * Pieces of a call that turned out to be none, or that was cut, have an ID that no {@link #toolCall} has.
 */
public interface OutputSink {

    /** The next piece of the answer. */
    void text(String piece);

    /** The next piece of the reasoning. */
    void thinking(String piece);

    /**
     * The next piece of a call's arguments.
     *
     * @param index position among the calls of this output, from 0
     * @param id identifies the call; written by the model or generated
     * @param name of the tool
     * @param argumentsPiece JSON text
     */
    void partialToolCall(int index, String id, String name, String argumentsPiece);

    /** A whole call; {@code arguments} is the text of a JSON object. */
    void toolCall(int index, String id, String name, String arguments);

    /**
     * Text that began like a tool call and is none. What it said is not lost: unless overridden it becomes answer text.
     *
     * @param raw the text with the format's markers
     * @param reason for people and logs
     */
    default void malformedToolCall(String raw, String reason) {
        text(raw);
    }
}
