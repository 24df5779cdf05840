package dev.langchain4j.model.mlx.calls;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.parse.JsonText;
import java.util.List;
import java.util.Optional;

/**
 * Writes tool calls as a family's models do. What it writes is what
 * {@link dev.langchain4j.model.mlx.parse.OutputParser} reads.
 */
public final class CallWriter {
    private CallWriter() {}

    /**
     * A call.
     *
     * @param name of the tool
     * @param arguments a JSON object
     */
    public record Call(String name, String arguments) {
        /** @throws IllegalArgumentException if the arguments are no JSON object */
        JsonNode node() {
            JsonNode node = JsonText.read(arguments);
            if (node == null || !node.isObject()) {
                throw new IllegalArgumentException("the arguments of '" + name + "' are not a JSON object");
            }
            return node;
        }
    }

    /**
     * The calls as text of an earlier turn, for chat templates that show an assistant's text only; empty for formats
     * whose templates show calls by themselves.
     */
    public static Optional<String> write(ToolCallFormat format, List<Call> calls) {
        return format.wire().isWrittenIntoText()
                ? Optional.of(format.wire().write(calls, new CallText("", true)))
                : Optional.empty();
    }

    /**
     * The calls as a model is made to write them.
     *
     * @param template the source of the chat template, which tells variants of a format apart
     */
    static String write(ToolCallFormat format, List<Call> calls, String template) {
        return format.wire().write(calls, new CallText(template, false));
    }

    /** Whether calls of this format are also read behind text; without a marker they are at the beginning only. */
    public static boolean followsText(ToolCallFormat format) {
        return format != ToolCallFormat.LLAMA_JSON && format != ToolCallFormat.LLAMA_PYTHONIC;
    }
}
