package dev.langchain4j.model.mlx.calls;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.JsonText;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Calls as JSON objects that hold name and arguments: one, a list of them, or several in a row.
 *
 * <p>The words of all families are understood: {@code name | tool_name | function | tool},
 * {@code arguments | parameters}, {@code id | tool_call_id}, also one level down in a {@code function} or {@code tool}
 * object. Where there is no object of arguments, what else the object holds are the arguments.
 */
final class JsonCalls extends CallReader {

    /** How a block of calls begins. */
    enum Block {
        /** With a marker. */
        MARKED,
        /** With a marker that the bracket of the list belongs to. */
        OPENED_LIST,
        /** Without a marker, which was forgotten: calls of known tools count, and nothing else. */
        BARE,
        /** Without a marker, as the format has it: a call of an unknown tool has arguments, and nothing behind it. */
        BARE_BY_NATURE
    }

    private enum State {
        START,
        BETWEEN,
        KEY,
        COLON,
        VALUE,
        AFTER_VALUE,
        CLOSED_LIST
    }

    private enum Part {
        NAME,
        ARGUMENTS,
        ID,
        WRAPPER,
        OTHER
    }

    /** Text that ends the block; empty if the calls end by themselves. */
    private final String end;
    /** Nothing but calls counts: the block has no marker of its own. */
    private final boolean bare;

    private final boolean mayBeUnknown;

    private State state = State.START;
    private boolean list;
    private int nested;
    private LenientJson value;
    private StringBuilder scratch = new StringBuilder();
    private Part part;
    private String key;
    private String name;
    private String id;
    /** Arguments that came before the name, or that are no object; null if none came. */
    private String heldArguments;
    /** What is neither name nor arguments. */
    private final Map<String, String> others = new LinkedHashMap<>();

    private boolean begun;
    private boolean unknown;

    JsonCalls(CallEmitter calls, ToolSchemas tools, Block block, String end) {
        super(calls, tools);
        this.end = end;
        list = block == Block.OPENED_LIST;
        bare = block == Block.BARE || block == Block.BARE_BY_NATURE;
        mayBeUnknown = block == Block.BARE_BY_NATURE;
    }

    @Override
    public boolean mayEnd() {
        return state == State.BETWEEN || state == State.CLOSED_LIST;
    }

    /** What has the name of a tool, or the beginning of one, is a call; a value like that is not. */
    @Override
    public boolean isCertain(Input in) {
        if (name != null) {
            return !unknown;
        }
        boolean inName = part == Part.NAME && state == State.VALUE && scratch.length() > 1;
        return inName ? tools.names().stream().anyMatch(tool -> tool.startsWith(scratch.substring(1))) : mayBeUnknown;
    }

    @Override
    public Step step(Input in) {
        if (value == null) {
            in.skipWhitespace();
            if (in.empty()) {
                return state == State.AFTER_VALUE && begun && nested == 0 && !list && in.ended() && !in.cut()
                        ? endObject()
                        : Step.WAIT;
            }
        }
        return switch (state) {
            case START -> start(in);
            case BETWEEN -> between(in);
            case KEY -> key(in);
            case COLON -> colon(in);
            case VALUE -> value(in);
            case AFTER_VALUE -> afterValue(in);
            case CLOSED_LIST -> finish(in);
        };
    }

    private Step start(Input in) {
        if (in.peek() == '[' && !list) {
            list = true;
            in.skip(1);
            return Step.AGAIN;
        }
        return in.peek() == '{' ? open(in) : fail("'{' expected");
    }

    private Step open(Input in) {
        in.skip(1);
        name = null;
        id = null;
        heldArguments = null;
        others.clear();
        begun = false;
        nested = 0;
        state = State.KEY;
        return Step.AGAIN;
    }

    private Step between(Input in) {
        char c = in.peek();
        if (c == ',' || c == ';') {
            in.skip(1);
            return Step.AGAIN;
        }
        if (c == '{') {
            return open(in);
        }
        if (list && c == ']') {
            in.skip(1);
            state = State.CLOSED_LIST;
            return Step.AGAIN;
        }
        if (c == '}' && !end.isEmpty()) {
            // One brace too many closes nothing.
            in.skip(1);
            return Step.AGAIN;
        }
        Input.Match closes = end.isEmpty() ? Input.Match.NO : in.match(end);
        if (list && closes != Input.Match.YES) {
            return closes == Input.Match.MAYBE ? Step.WAIT : fail("',' or ']' expected");
        }
        return finish(in);
    }

    private Step finish(Input in) {
        if (unknown) {
            return fail("no tool '" + name + "'");
        }
        return end.isEmpty() ? Step.DONE : expectEnd(in, end);
    }

    private Step key(Input in) {
        if (value == null) {
            char c = in.peek();
            if (c == ',') {
                in.skip(1);
                return Step.AGAIN;
            }
            if (c == '}') {
                return closeObject(in);
            }
            if (c != '"' && c != '\'') {
                return fail("a key expected");
            }
        }
        Step step = readScratch(in);
        if (step != Step.DONE) {
            return step;
        }
        JsonNode node = JsonText.read(takeScratch());
        key = node == null ? "" : node.asText();
        part = partOf(key);
        if (bare && part == Part.OTHER && !isMetadata(key) && (name == null || !tools.has(name, key))) {
            return fail("not a tool call");
        }
        state = State.COLON;
        return Step.AGAIN;
    }

    private Part partOf(String word) {
        return switch (word) {
            case "name", "tool_name" -> name == null ? Part.NAME : Part.OTHER;
            case "arguments", "parameters" -> Part.ARGUMENTS;
            case "id", "tool_call_id" -> Part.ID;
            case "function", "tool", "tool_call", "function_call" -> name == null ? Part.WRAPPER : Part.OTHER;
            default -> Part.OTHER;
        };
    }

    private static boolean isMetadata(String word) {
        return word.equals("type") || word.equals("id") || word.equals("tool_call_id");
    }

    private Step colon(Input in) {
        if (in.peek() != ':') {
            return fail("':' expected after a key");
        }
        in.skip(1);
        in.skipWhitespace();
        state = State.VALUE;
        return Step.AGAIN;
    }

    private Step value(Input in) {
        if (value == null) {
            boolean object = in.peek() == '{';
            if (part == Part.WRAPPER && object && nested == 0) {
                in.skip(1);
                nested++;
                state = State.KEY;
                return Step.AGAIN;
            }
            if (part == Part.ARGUMENTS && object && name != null && !begun && !unknown) {
                begin(name, id);
                begun = true;
                value = new LenientJson(LenientJson.Dialect.LITERAL);
                scratch = calls.arguments();
            }
        }
        Step step = begun && value != null && scratch == calls.arguments() ? readArguments(value, in) : readScratch(in);
        if (step != Step.DONE) {
            return step;
        }
        state = State.AFTER_VALUE;
        if (scratch == calls.arguments()) {
            scratch = new StringBuilder();
            value = null;
            return Step.AGAIN;
        }
        return keep(takeScratch());
    }

    private Step keep(String json) {
        JsonNode node = JsonText.read(json);
        if (node == null) {
            return fail("not JSON: " + json);
        }
        switch (part) {
            case NAME, WRAPPER -> {
                if (!node.isTextual() || !isToolName(node.asText())) {
                    return fail(json + " is not the name of a tool");
                }
                name = toolName(node.asText());
                unknown = bare && !tools.contains(name);
                if (unknown && !mayBeUnknown) {
                    return fail("no tool '" + name + "'");
                }
            }
            case ID -> {
                id = node.asText();
                others.put(key, json);
            }
            case ARGUMENTS -> heldArguments = node.isTextual() ? node.asText().strip() : node.isNull() ? "{}" : json;
            case OTHER -> others.put(key, json);
        }
        return Step.AGAIN;
    }

    private Step afterValue(Input in) {
        char c = in.peek();
        if (c == ',') {
            in.skip(1);
            state = State.KEY;
            return Step.AGAIN;
        }
        if (c == '}') {
            return closeObject(in);
        }
        // Small models forget the last brace: the call is whole all the same.
        Input.Match match = end.isEmpty() ? Input.Match.NO : in.match(end);
        if (match == Input.Match.MAYBE) {
            return Step.WAIT;
        }
        return match == Input.Match.YES && begun && !list
                ? endObject()
                : fail("',' or '}' expected, found '" + c + "'");
    }

    private Step closeObject(Input in) {
        in.skip(1);
        if (nested > 0) {
            nested--;
            state = State.AFTER_VALUE;
            return Step.AGAIN;
        }
        return endObject();
    }

    private Step endObject() {
        if (name == null) {
            return fail("a call without a name");
        }
        if (!begun) {
            if (heldArguments == null) {
                heldArguments = flatArguments();
                if (bare && (unknown || !isWhole(heldArguments))) {
                    return fail("not a tool call: no arguments");
                }
            }
            if (unknown && heldArguments.equals("{}")) {
                return fail("no tool '" + name + "'");
            }
            begin(name, id);
            if (!heldArguments.isEmpty() && !readHeld()) {
                return fail("the arguments of '" + name + "' are not a JSON object");
            }
        }
        state = State.BETWEEN;
        return completeCall();
    }

    /** What stands beside the name, where nothing else holds the arguments. */
    private String flatArguments() {
        StringBuilder json = new StringBuilder("{");
        others.forEach((word, text) -> {
            if (!isMetadata(word) || tools.has(name, word)) {
                json.append(json.length() > 1 ? "," : "");
                JsonText.quote(word, json);
                json.append(':').append(text);
            }
        });
        return json.append('}').toString();
    }

    /** Whether arguments beside the name are those that the tool must have: other objects have names, too. */
    private boolean isWhole(String arguments) {
        JsonNode node = JsonText.read(arguments);
        return node != null && tools.required(name).stream().allMatch(node::has);
    }

    private boolean readHeld() {
        Input held = new Input();
        held.append(heldArguments);
        held.end(false);
        LenientJson reader = new LenientJson(LenientJson.Dialect.LITERAL);
        return readValue(reader, held, calls.arguments()) == Step.DONE;
    }

    private Step readScratch(Input in) {
        if (value == null) {
            value = new LenientJson(LenientJson.Dialect.LITERAL);
        }
        return readValue(value, in, scratch);
    }

    private String takeScratch() {
        String taken = scratch.toString();
        scratch.setLength(0);
        value = null;
        return taken;
    }
}
