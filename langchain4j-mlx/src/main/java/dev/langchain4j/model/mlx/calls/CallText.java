package dev.langchain4j.model.mlx.calls;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.parse.JsonText;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What writers of wire formats put calls together from.
 *
 * @param template the source of the chat template, which tells variants of a format apart
 * @param spaced whether JSON has the spaces that models were trained on, behind each comma and colon
 */
record CallText(String template, boolean spaced) {

    boolean says(String text) {
        return template.contains(text);
    }

    /** Something for each call, one behind the other. */
    String each(List<Call> calls, String between, Function<Call, String> one) {
        return calls.stream().map(one).collect(Collectors.joining(between));
    }

    /** The arguments as JSON. */
    String arguments(Call call) {
        return json(call.node());
    }

    /** A JSON object with the name and the arguments. */
    String object(Call call, String argumentsKey) {
        return object(call, "name", argumentsKey, "");
    }

    /** A JSON list of such objects. */
    String list(List<Call> calls, String argumentsKey) {
        return "[" + each(calls, comma(), call -> object(call, argumentsKey)) + "]";
    }

    /** A JSON list of objects with a number under {@code idKey}; without one where that is empty. */
    String list(List<Call> calls, String nameKey, String argumentsKey, String idKey) {
        return "["
                + each(calls, comma(), call -> {
                    String id = idKey.isEmpty()
                            ? ""
                            : quoted(idKey) + colon() + "\"" + calls.indexOf(call) + "\"" + comma();
                    return object(call, nameKey, argumentsKey, id);
                })
                + "]";
    }

    private String object(Call call, String nameKey, String argumentsKey, String before) {
        return "{" + before + quoted(nameKey) + colon() + quoted(call.name()) + comma() + quoted(argumentsKey) + colon()
                + arguments(call) + "}";
    }

    private String comma() {
        return spaced ? ", " : ",";
    }

    private String colon() {
        return spaced ? ": " : ":";
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder();
        JsonText.quote(text, out);
        return out.toString();
    }

    /** A value as JSON. */
    String json(JsonNode node) {
        StringBuilder out = new StringBuilder();
        put(node, "", comma(), colon(), out);
        return out.toString();
    }

    /** Calls as a list in Python. */
    String python(List<Call> calls) {
        return "["
                + each(
                        calls,
                        ", ",
                        call -> call.name() + "("
                                + call.node().properties().stream()
                                        .map(argument -> argument.getKey() + "=" + python(argument.getValue()))
                                        .collect(Collectors.joining(", "))
                                + ")")
                + "]";
    }

    private static String python(JsonNode node) {
        StringBuilder out = new StringBuilder();
        put(node, "python", ", ", ": ", out);
        return out.toString();
    }

    /** Arguments in Gemma's notation, with strings between its own quotes. */
    String gemma(Call call, String quote) {
        StringBuilder out = new StringBuilder();
        put(call.node(), quote, ",", ":", out);
        return out.toString();
    }

    /** @param notation empty for JSON, {@code python}, or the quotes of Gemma's strings */
    private static void put(JsonNode node, String notation, String comma, String colon, StringBuilder out) {
        boolean gemma = !notation.isEmpty() && !notation.equals("python");
        if (node.isObject()) {
            String before = "{";
            for (Map.Entry<String, JsonNode> entry : node.properties()) {
                out.append(before)
                        .append(gemma ? entry.getKey() : quoted(entry.getKey()))
                        .append(colon);
                put(entry.getValue(), notation, comma, colon, out);
                before = comma;
            }
            out.append(node.isEmpty() ? "{}" : "}");
        } else if (node.isArray()) {
            String before = "[";
            for (JsonNode item : node) {
                out.append(before);
                put(item, notation, comma, colon, out);
                before = comma;
            }
            out.append(node.isEmpty() ? "[]" : "]");
        } else if (node.isTextual()) {
            out.append(gemma ? notation + node.asText() + notation : quoted(node.asText()));
        } else if (notation.equals("python") && (node.isBoolean() || node.isNull())) {
            out.append(node.isNull() ? "None" : node.booleanValue() ? "True" : "False");
        } else {
            out.append(node);
        }
    }

    /** A call whose arguments are text between tags: strings as they are, all else as JSON. */
    String tagged(Call call, ArgumentTags tags, String line) {
        StringBuilder out = new StringBuilder(tags.call().formatted(call.name())).append(line);
        String around = tags.wrapped() ? "\n" : "";
        for (Map.Entry<String, JsonNode> argument : call.node().properties()) {
            JsonNode value = argument.getValue();
            out.append(tags.opening(argument.getKey(), value.isTextual()));
            out.append(tags.valueStart().isEmpty() ? "" : line + tags.valueStart())
                    .append(around);
            out.append(value.isTextual() ? value.asText() : json(value));
            out.append(around).append(tags.parameterEnd()).append(line);
        }
        return out.append(tags.callEnd())
                .append(tags.callEnd().isEmpty() ? "" : line)
                .toString();
    }
}
