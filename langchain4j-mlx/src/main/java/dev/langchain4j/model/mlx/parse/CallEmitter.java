package dev.langchain4j.model.mlx.parse;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Numbers and names the calls of one output and passes their arguments on, piece by piece. The calls of a block are
 * delivered together, when it was read to its end: half of what a model wants done is not what it wants.
 */
public final class CallEmitter {

    /** Names that models wrap arguments in, though the tool has no such argument. */
    private static final Set<String> WRAPPERS = Set.of("properties", "arguments", "parameters");

    private record Whole(String id, String name, String arguments, int sent) {}

    private final OutputSink sink;
    private final Supplier<String> ids;
    private final ToolSchemas tools;
    private final Set<String> usedIds = new HashSet<>();
    private final List<Whole> whole = new ArrayList<>();
    private final StringBuilder arguments = new StringBuilder();
    private int blockStart;
    private boolean held;
    private int delivered;
    private String id;
    private String name;
    /** Characters of the arguments that the sink has. */
    private int sent;

    CallEmitter(OutputSink sink, Supplier<String> ids, ToolSchemas tools) {
        this.sink = sink;
        this.ids = ids;
        this.tools = tools;
    }

    /**
     * A block begins.
     *
     * @param hold whether it may turn out to be an example, so that nothing of it goes out yet
     */
    void openBlock(boolean hold) {
        held = hold;
        id = null;
        blockStart = whole.size();
    }

    /** Delivers the calls that are whole. */
    void deliver() {
        for (Whole call : whole) {
            if (call.sent < call.arguments.length()) {
                sink.partialToolCall(delivered, call.id, call.name, call.arguments.substring(call.sent));
            }
            sink.toolCall(delivered++, call.id, call.name, call.arguments);
        }
        whole.clear();
        blockStart = 0;
    }

    /** The block was no block of calls. An ID that the sink may have pieces of is not used again. */
    void dropBlock() {
        if (held) {
            usedIds.remove(id);
            whole.subList(blockStart, whole.size()).forEach(call -> usedIds.remove(call.id));
        }
        whole.subList(blockStart, whole.size()).clear();
    }

    /** What was held are examples. */
    void dropAll() {
        blockStart = 0;
        dropBlock();
    }

    /** Whether there are calls to deliver. */
    boolean hasWhole() {
        return !whole.isEmpty();
    }

    /** Starts a call; {@code givenId} is null where the format has none. */
    public void begin(String toolName, String givenId) {
        name = toolName;
        id = givenId == null || givenId.isBlank() ? null : givenId;
        while (id == null || !usedIds.add(id)) {
            id = ids.get();
        }
        arguments.setLength(0);
        sent = 0;
    }

    /** Where arguments are written to; {@link #flush} passes them on. */
    public StringBuilder arguments() {
        return arguments;
    }

    /** Passes on what is readable of the first call of a block; the others follow when the block is whole. */
    public void flush() {
        if (!held && whole.isEmpty() && sent < arguments.length() && !maybeWrapped()) {
            String piece = arguments.substring(sent);
            sent = arguments.length();
            sink.partialToolCall(delivered, id, name, piece);
        }
    }

    /**
     * Whether all so far may be none at all, or one argument that is no argument of the tool, with the true ones
     * inside.
     */
    private boolean maybeWrapped() {
        if (sent > 0) {
            return false;
        }
        if ("null".startsWith(arguments.toString()) || "[]".contentEquals(arguments)) {
            return true;
        }
        for (String wrapper : WRAPPERS) {
            String opening = "{\"" + wrapper + "\":";
            int length = Math.min(opening.length(), arguments.length());
            if (opening.regionMatches(0, arguments.toString(), 0, length) && length > 1 && tools.lacks(name, wrapper)) {
                return true;
            }
        }
        return arguments.length() <= 1;
    }

    /** Ends the call; returns why it is none, or null. */
    public String complete() {
        if (arguments.isEmpty()
                || arguments.toString().equals("[]")
                || arguments.toString().equals("null")) {
            arguments.setLength(0);
            arguments.append("{}");
        }
        JsonNode node = JsonText.read(arguments.toString());
        if (node == null || !node.isObject()) {
            return "the arguments of '" + name + "' are not a JSON object";
        }
        if (sent == 0 && node.size() == 1) {
            String key = node.fieldNames().next();
            if (WRAPPERS.contains(key)
                    && tools.lacks(name, key)
                    && node.get(key).isObject()) {
                arguments.setLength(0);
                arguments.append(node.get(key));
            }
        }
        flush();
        whole.add(new Whole(id, name, arguments.toString(), sent));
        return null;
    }
}
