package dev.langchain4j.model.mlx.parse;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Writes tool calls as a family's models do, for chat templates that show an assistant's text only. What it writes is what
 * {@link OutputParser} reads.
 */
public final class CallWriter {
    private CallWriter() {}

    /**
     * A call.
     *
     * @param name of the tool
     * @param arguments a JSON object
     */
    public record Call(String name, String arguments) {}

    /** The calls as text; empty for formats whose templates show calls by themselves. */
    public static Optional<String> write(ToolCallFormat format, List<Call> calls) {
        return Optional.ofNullable(
                switch (format) {
                    case HERMES, GENERIC ->
                        calls.stream()
                                .map(call -> "<tool_call>\n" + json(call, "arguments") + "\n</tool_call>")
                                .collect(Collectors.joining("\n"));
                    case LLAMA_JSON ->
                        calls.stream().map(call -> json(call, "parameters")).collect(Collectors.joining("; "));
                    case GRANITE -> "<|tool_call|>" + list(calls);
                    case PHI4 -> "<|tool_call|>" + list(calls) + "<|/tool_call|>";
                    case NEMOTRON -> "<TOOLCALL>" + list(calls) + "</TOOLCALL>";
                    case TOOL_CALLS_LIST -> "<tool_calls>" + list(calls) + "</tool_calls>";
                    case PYTHONIC -> "<|tool_call_start|>" + python(calls) + "<|tool_call_end|>";
                    case LLAMA_PYTHONIC -> python(calls);
                    default -> null;
                });
    }

    /** Whether calls of this format are also read behind text; without a marker they are at the beginning only. */
    public static boolean followsText(ToolCallFormat format) {
        return format != ToolCallFormat.LLAMA_JSON && format != ToolCallFormat.LLAMA_PYTHONIC;
    }

    private static String list(List<Call> calls) {
        return calls.stream().map(call -> json(call, "arguments")).collect(Collectors.joining(", ", "[", "]"));
    }

    private static String json(Call call, String key) {
        StringBuilder out = new StringBuilder("{\"name\": ");
        JsonText.quote(call.name(), out);
        out.append(", \"").append(key).append("\": ");
        spaced(arguments(call), false, out);
        return out.append('}').toString();
    }

    private static String python(List<Call> calls) {
        return calls.stream()
                .map(call -> {
                    List<String> arguments = new ArrayList<>();
                    arguments(call).properties().forEach(entry -> {
                        StringBuilder value = new StringBuilder(entry.getKey()).append('=');
                        spaced(entry.getValue(), true, value);
                        arguments.add(value.toString());
                    });
                    return call.name() + "(" + String.join(", ", arguments) + ")";
                })
                .collect(Collectors.joining(", ", "[", "]"));
    }

    private static JsonNode arguments(Call call) {
        JsonNode node = JsonText.read(call.arguments());
        if (node == null || !node.isObject()) {
            throw new IllegalArgumentException("the arguments of '" + call.name() + "' are not a JSON object");
        }
        return node;
    }

    /** A value with the spaces that models were trained on, behind each comma and colon. */
    private static void spaced(JsonNode node, boolean python, StringBuilder out) {
        if (node.isObject()) {
            out.append('{');
            String comma = "";
            for (var entry : node.properties()) {
                out.append(comma);
                JsonText.quote(entry.getKey(), out);
                out.append(": ");
                spaced(entry.getValue(), python, out);
                comma = ", ";
            }
            out.append('}');
        } else if (node.isArray()) {
            out.append('[');
            String comma = "";
            for (JsonNode item : node) {
                out.append(comma);
                spaced(item, python, out);
                comma = ", ";
            }
            out.append(']');
        } else if (python && node.isBoolean()) {
            out.append(node.booleanValue() ? "True" : "False");
        } else if (python && node.isNull()) {
            out.append("None");
        } else {
            out.append(node);
        }
    }
}
