package dev.langchain4j.model.mlx.parse;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * Calls as JSON objects that hold name and arguments: one, a list of them, or several in a row.
 *
 * <p>The words of all families are understood: {@code name | tool_name | function}, {@code arguments | parameters},
 * {@code id | tool_call_id}, also one level down in a {@code function} object as in the OpenAI API.
 */
final class JsonCalls extends CallReader {

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
        FUNCTION,
        OTHER
    }

    /** Text that ends the block; empty if the calls end by themselves. */
    private final String end;
    /** Nothing but a call of a tool on offer counts: the block has no marker of its own. */
    private final boolean bare;

    private State state = State.START;
    private boolean list;
    private int nested;
    private LenientJson value;
    private StringBuilder scratch = new StringBuilder();
    private Part part;
    private String name;
    private String id;
    /** Arguments that came before the name, or that are written as a string; null if none came. */
    private String heldArguments;

    private boolean begun;

    JsonCalls(CallEmitter calls, ToolSchemas tools, String end, boolean bare) {
        super(calls, tools);
        this.end = end;
        this.bare = bare;
    }

    @Override
    boolean mayEnd() {
        return state == State.BETWEEN || state == State.CLOSED_LIST;
    }

    @Override
    Step step(Input in) {
        if (value == null) {
            in.skipWhitespace();
            if (in.empty()) {
                return Step.WAIT;
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
        return list ? fail("',' or ']' expected") : finish(in);
    }

    private Step finish(Input in) {
        return end.isEmpty() ? Step.DONE : expect(in, end);
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
        JsonNode key = JsonText.read(takeScratch());
        part = partOf(key == null ? "" : key.asText());
        if (bare && part == null) {
            return fail("not a tool call");
        }
        part = part == null ? Part.OTHER : part;
        state = State.COLON;
        return Step.AGAIN;
    }

    private Part partOf(String key) {
        return switch (key) {
            case "name", "tool_name" -> Part.NAME;
            case "arguments", "parameters" -> Part.ARGUMENTS;
            case "id", "tool_call_id" -> Part.ID;
            case "function" -> Part.FUNCTION;
            case "type" -> Part.OTHER;
            default -> null;
        };
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
            if (part == Part.FUNCTION && object && nested == 0) {
                in.skip(1);
                nested++;
                state = State.KEY;
                return Step.AGAIN;
            }
            if (part == Part.ARGUMENTS && object && name != null && !begun) {
                calls.begin(name, id);
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
            case NAME, FUNCTION -> {
                if (!node.isTextual() || !isToolName(node.asText())) {
                    return fail(json + " is not the name of a tool");
                }
                name = node.asText();
                if (bare && !tools.contains(name)) {
                    return fail("no tool '" + name + "'");
                }
            }
            case ID -> id = node.asText();
            case ARGUMENTS -> heldArguments = node.isTextual() ? node.asText().strip() : node.isNull() ? "{}" : json;
            case OTHER -> {}
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
        if (bare && !begun && heldArguments == null) {
            return fail("not a tool call: no arguments");
        }
        if (!begun) {
            calls.begin(name, id);
            if (heldArguments != null && !heldArguments.isEmpty() && !readHeld()) {
                return fail("the arguments of '" + name + "' are not a JSON object");
            }
        }
        state = State.BETWEEN;
        return completeCall();
    }

    private boolean readHeld() {
        Input held = new Input();
        held.append(heldArguments);
        held.end();
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
