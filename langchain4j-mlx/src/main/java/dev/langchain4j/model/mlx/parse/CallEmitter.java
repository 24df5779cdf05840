package dev.langchain4j.model.mlx.parse;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Supplier;

/** Numbers and names the calls of one output and passes their arguments on, piece by piece. */
final class CallEmitter {

    private final OutputSink sink;
    private final Supplier<String> ids;
    private final Set<String> usedIds = new HashSet<>();
    private final StringBuilder arguments = new StringBuilder();
    private int index = -1;
    private String id;
    private String name;
    /** Characters of the arguments that the sink has. */
    private int sent;

    private boolean completed;

    CallEmitter(OutputSink sink, Supplier<String> ids) {
        this.sink = sink;
        this.ids = ids;
    }

    /** Starts a call; {@code givenId} is null where the format has none. */
    void begin(String toolName, String givenId) {
        index++;
        name = toolName;
        id = givenId == null || givenId.isBlank() ? null : givenId;
        while (id == null || !usedIds.add(id)) {
            id = ids.get();
        }
        arguments.setLength(0);
        sent = 0;
        completed = false;
    }

    /** Where arguments are written to; {@link #flush} passes them on. */
    StringBuilder arguments() {
        return arguments;
    }

    void flush() {
        if (sent < arguments.length()) {
            String piece = arguments.substring(sent);
            sent = arguments.length();
            sink.partialToolCall(index, id, name, piece);
        }
    }

    /** Ends the call; returns why it is none, or null. */
    String complete() {
        if (arguments.isEmpty()) {
            arguments.append("{}");
        }
        JsonNode node = JsonText.read(arguments.toString());
        if (node == null || !node.isObject()) {
            return "the arguments of '" + name + "' are not a JSON object";
        }
        flush();
        sink.toolCall(index, id, name, arguments.toString());
        completed = true;
        return null;
    }

    /** Whether the last call that began is complete. */
    boolean completed() {
        return completed;
    }
}
