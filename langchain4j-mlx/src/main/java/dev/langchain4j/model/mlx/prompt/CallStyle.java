package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.calls.CallWriter;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How an assistant's tool calls have to be given to a chat template.
 *
 * @param kind what the template shows
 * @param argumentsAsText whether arguments have to be JSON text, not objects
 * @param besideText whether the template shows calls of a message that has text, too
 * @param several whether the template shows several calls of one message
 * @param format how to write calls where the template does not
 */
record CallStyle(Kind kind, boolean argumentsAsText, boolean besideText, boolean several, ToolCallFormat format) {

    enum Kind {
        /** Calls beside any text. */
        FIELD,
        /** Calls of a message whose content is null: DeepSeek. */
        NULL_CONTENT,
        /** Text only: calls are written into it. */
        WRITTEN,
        /** Neither, and there is no notation to write them in. */
        DROPPED
    }

    /**
     * The message as the template wants it. Where a template shows either text or calls, and there is no notation to
     * write calls in, calls are kept and the text beside them is not.
     *
     * @return the message itself if it has no calls
     */
    Map<String, Object> apply(Map<String, Object> message) {
        if (!(message.get("tool_calls") instanceof List<?> calls) || kind == Kind.DROPPED) {
            return message;
        }
        String text = MappedMessages.text(message);
        if (kind == Kind.WRITTEN || dropsText(message) && CallWriter.followsText(format)) {
            Optional<String> written = CallWriter.write(format, calls(calls));
            if (written.isPresent()) {
                return withText(message, written.get());
            }
        }
        if (kind == Kind.FIELD && !argumentsAsText) {
            return message;
        }
        Map<String, Object> changed = new LinkedHashMap<>(message);
        if (kind == Kind.NULL_CONTENT && (text.isBlank() || !besideText)) {
            changed.put("content", null);
        }
        if (argumentsAsText) {
            changed.put("tool_calls", asText(calls));
        }
        return changed;
    }

    /** Whether there is a notation to write calls in, which the model knows and the parser reads. */
    boolean canBeWritten() {
        return CallWriter.write(format, List.of(new CallWriter.Call("f", "{}"))).isPresent();
    }

    /** Whether the template shows the message's calls, and not the text beside them. */
    boolean dropsText(Map<String, Object> message) {
        return !MappedMessages.text(message).isBlank() && !besideText && kind != Kind.WRITTEN;
    }

    /** The message with its calls in its text: as the model writes them, if there is a notation for that. */
    Map<String, Object> written(Map<String, Object> message) {
        List<CallWriter.Call> calls = calls((List<?>) message.get("tool_calls"));
        return withText(message, CallWriter.write(format, calls).orElseGet(() -> calls.stream()
                .map(call -> call.name() + " " + call.arguments())
                .collect(Collectors.joining("\n"))));
    }

    private static Map<String, Object> withText(Map<String, Object> message, String calls) {
        Map<String, Object> changed = new LinkedHashMap<>(message);
        changed.remove("tool_calls");
        String text = MappedMessages.text(message);
        changed.put("content", text.isBlank() ? calls : text + "\n" + calls);
        return changed;
    }

    private static List<Object> asText(List<?> calls) {
        List<Object> changed = new ArrayList<>();
        for (Object call : calls) {
            Map<String, Object> copy = copy(call);
            Map<String, Object> function = copy(copy.get("function"));
            function.put("arguments", text(function.get("arguments")));
            copy.put("function", function);
            changed.add(copy);
        }
        return changed;
    }

    private static List<CallWriter.Call> calls(List<?> calls) {
        return calls.stream()
                .map(call -> copy(copy(call).get("function")))
                .map(function -> new CallWriter.Call(
                        (String) function.get("name"),
                        MessageMapper.json(MessageMapper.object(function.get("arguments")))))
                .toList();
    }

    private static String text(Object arguments) {
        return arguments instanceof String text ? text : MessageMapper.json(arguments);
    }

    @SuppressWarnings("unchecked") // the mapper makes maps with such keys only
    private static Map<String, Object> copy(Object map) {
        return new LinkedHashMap<>((Map<String, Object>) map);
    }
}
