package dev.langchain4j.model.mlx.calls;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.JsonText;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/**
 * Kimi K3: elements between control tokens, {@code <|open|>call tool=".."<|sep|>}, with an element for each argument
 * that names its key and type, or one with all of them as JSON.
 */
final class XtmlCalls extends CallReader {
    private static final String OPEN = "<|open|>";
    private static final String CLOSE = "<|close|>";
    private static final String SEP = "<|sep|>";
    private static final String END = CLOSE + "tools" + SEP;
    private static final String CALL_END = CLOSE + "call" + SEP;
    private static final String ARGUMENT_END = CLOSE + "argument" + SEP;
    private static final String JSON_END = CLOSE + "json" + SEP;

    private static final ValueEnd.Tags VALUES =
            new ValueEnd.Tags(OPEN, ARGUMENT_END, List.of(CALL_END, END), List.of(OPEN), true);

    private enum State {
        BETWEEN,
        CALL,
        INSIDE,
        ELEMENT,
        VALUE,
        JSON,
        JSON_END
    }

    private State state = State.BETWEEN;
    private String key;
    private String type;
    /** Whether the arguments came as one JSON object. */
    private boolean whole;

    private LenientJson value;
    private ValueEnd valueEnd;
    private CallReader jsonCalls;

    XtmlCalls(CallEmitter calls, ToolSchemas tools) {
        super(calls, tools);
    }

    @Override
    public boolean mayEnd() {
        return jsonCalls != null ? jsonCalls.mayEnd() : state == State.BETWEEN;
    }

    @Override
    public Step step(Input in) {
        if (jsonCalls != null) {
            return step(jsonCalls, in);
        }
        return switch (state) {
            case BETWEEN -> choose(in, END, OPEN, State.CALL);
            case CALL -> call(in);
            case INSIDE -> choose(in, CALL_END, OPEN, State.ELEMENT);
            case ELEMENT -> element(in);
            case VALUE -> value(in);
            case JSON -> json(in);
            case JSON_END -> {
                Step step = expect(in, JSON_END);
                yield step == Step.DONE ? to(State.INSIDE) : step;
            }
        };
    }

    /** The end of what is open, or an element in it. */
    private Step choose(Input in, String end, String element, State next) {
        in.skipWhitespace();
        if (in.empty()) {
            boolean over = state == State.INSIDE
                    && in.ended()
                    && !in.cut()
                    && calls.arguments().length() > 1;
            return over ? endCall() : Step.WAIT;
        }
        if (state == State.BETWEEN && (in.peek() == '{' || in.peek() == '[')) {
            jsonCalls = new JsonCalls(calls, tools, JsonCalls.Block.MARKED, END);
            return Step.AGAIN;
        }
        if (state == State.INSIDE && in.match(END) == Input.Match.YES) {
            return endCall();
        }
        switch (in.match(end)) {
            case YES -> {
                in.skip(end.length());
                return state == State.BETWEEN ? Step.DONE : endCall();
            }
            case MAYBE -> {
                return Step.WAIT;
            }
            case NO -> {
                Step step = expect(in, element);
                return step == Step.DONE ? to(next) : step;
            }
        }
        throw new AssertionError(state);
    }

    private Step endCall() {
        if (!whole) {
            calls.arguments().append('}');
        }
        state = State.BETWEEN;
        return completeCall();
    }

    private Step call(Input in) {
        int length = findName(in, SEP);
        if (length < 0) {
            return noName(length);
        }
        String header = in.take(length).strip();
        in.skip(SEP.length());
        String name = attribute(header, "tool", "");
        if (!header.startsWith("call")) {
            return fail("a call expected");
        }
        whole = false;
        state = State.INSIDE;
        return beginCall(name);
    }

    private Step element(Input in) {
        int length = findName(in, SEP);
        if (length < 0) {
            return noName(length);
        }
        String header = in.take(length).strip();
        in.skip(SEP.length());
        if (header.startsWith("json") && calls.arguments().length() == 1) {
            calls.arguments().setLength(0);
            whole = true;
            value = new LenientJson(LenientJson.Dialect.LITERAL);
            return to(State.JSON);
        }
        key = attribute(header, "key", null);
        type = attribute(header, "type", "string");
        if (!header.startsWith("argument") || key == null || whole) {
            return fail("an argument with a key expected");
        }
        valueEnd = new ValueEnd(VALUES, next -> false);
        return to(State.VALUE);
    }

    private static String attribute(String header, String name, String otherwise) {
        int start = header.indexOf(' ' + name + "=\"");
        int from = start + name.length() + 3;
        int to = start < 0 ? -1 : header.indexOf('"', from);
        return to < 0
                ? otherwise
                : header.substring(from, to).replace("&quot;", "\"").replace("&amp;", "&");
    }

    private Step value(Input in) {
        if (!valueEnd.find(in)) {
            return Step.WAIT;
        }
        if (valueEnd.isAmbiguous()) {
            return fail("no end of the value of '" + key + "'");
        }
        String text = in.take(valueEnd.length());
        in.skip(valueEnd.closeLength());
        StringBuilder out = putKey(key);
        JsonNode node = type.equals("string") ? null : JsonText.read(text);
        if (node == null) {
            JsonText.quote(text, out);
        } else {
            out.append(node);
        }
        calls.flush();
        return to(State.INSIDE);
    }

    private Step json(Input in) {
        Step step = readArguments(value, in);
        return step == Step.DONE ? to(State.JSON_END) : step;
    }

    private Step to(State next) {
        state = next;
        return Step.AGAIN;
    }
}
