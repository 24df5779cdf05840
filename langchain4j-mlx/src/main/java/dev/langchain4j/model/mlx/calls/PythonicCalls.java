package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.JsonText;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.regex.Pattern;

/**
 * Calls as Python: {@code [name(key='value'), other(n=1)]}; the list and a code fence around it may be missing.
 * Arguments without a name are those of the schema, in its order. A list of JSON objects is read, too.
 */
final class PythonicCalls extends CallReader {

    private static final String FENCE = "```";
    private static final String PYTHON_FENCE = "```python";
    private static final String BRACKETS_AND_QUOTES = "[{(\"'";
    /** Python that is no value by itself: a string with a prefix, or a call. */
    private static final Pattern EXPRESSION =
            Pattern.compile("[bfruBFRU]{1,2}([\"']).*\\1|[\\w.]+\\(.*", Pattern.DOTALL);

    private enum State {
        START,
        NAME,
        ARGUMENT,
        VALUE,
        AFTER_VALUE,
        BETWEEN,
        CLOSED_LIST,
        JSON
    }

    /** Text that ends the block; empty if the list ends it. */
    private final String end;
    /** Only a call of a tool on offer counts, or what is nothing but calls: the block has no marker of its own. */
    private final boolean bare;

    private State state = State.START;
    private boolean list;
    private boolean fenced;
    private boolean any;
    private boolean unknown;
    private CallReader json;
    private LenientJson value;
    private String key;
    /** How many arguments came without a name; -1 once one had a name. */
    private int positional;
    /** How much of a value without quotes or brackets was looked at; -1 for another value. */
    private int bareLength;

    private int bareDepth;

    PythonicCalls(CallEmitter calls, ToolSchemas tools, String end, boolean bare) {
        super(calls, tools);
        this.end = end;
        this.bare = bare;
    }

    @Override
    public boolean mayEnd() {
        return json != null ? json.mayEnd() : state == State.BETWEEN || state == State.CLOSED_LIST;
    }

    @Override
    public boolean isCertain(Input in) {
        if (json != null) {
            return json.isCertain(in);
        }
        String unread = in.lookAhead(in.available()).replace("[", "").strip();
        return state == State.START || state == State.NAME
                ? tools.names().stream().anyMatch(tool -> tool.startsWith(unread))
                : !unknown;
    }

    @Override
    public Step step(Input in) {
        if (state != State.VALUE && state != State.JSON) {
            in.skipWhitespace();
            if (in.empty()) {
                return Step.WAIT;
            }
        }
        return switch (state) {
            case START -> start(in);
            case NAME -> name(in);
            case ARGUMENT -> argument(in);
            case VALUE -> value(in);
            case AFTER_VALUE -> afterValue(in);
            case BETWEEN -> between(in);
            case CLOSED_LIST -> close(in);
            case JSON -> step(json, in);
        };
    }

    private Step start(Input in) {
        if (in.peek() == '`' && !fenced) {
            Input.Match match = in.match(PYTHON_FENCE);
            if (match == Input.Match.YES) {
                in.skip(PYTHON_FENCE.length());
                fenced = true;
            }
            return match == Input.Match.MAYBE ? Step.WAIT : match == Input.Match.YES ? Step.AGAIN : fail("no call");
        }
        if (in.peek() == '[' && !list) {
            int inside = in.skipBlank(1);
            if (inside == in.available()) {
                return Step.WAIT;
            }
            if (in.ahead(inside) != '{') {
                in.skip(1);
                list = true;
                return Step.AGAIN;
            }
        }
        if (in.peek() == '[' || in.peek() == '{') {
            json = new JsonCalls(calls, tools, bare ? JsonCalls.Block.BARE : JsonCalls.Block.MARKED, end);
            return to(State.JSON);
        }
        return to(State.NAME);
    }

    private Step name(Input in) {
        if (list && any && in.peek() == ']') {
            return to(State.BETWEEN);
        }
        int length = nameEnd(in, 0);
        if (length == in.available() && length <= NAME_MAX) {
            return Step.WAIT;
        }
        if (length == 0 || length > NAME_MAX || in.ahead(length) != '(') {
            return fail("a name and '(' expected");
        }
        String name = in.take(length);
        if (name.endsWith(".call") && !tools.contains(name)) {
            name = name.substring(0, name.length() - ".call".length());
        }
        unknown = bare && !tools.contains(toolName(name));
        in.skip(1);
        state = State.ARGUMENT;
        positional = 0;
        return beginCall(name);
    }

    private Step argument(Input in) {
        if (in.peek() == ')') {
            return endCall(in);
        }
        int length = nameEnd(in, 0);
        int equals = in.skipBlank(length);
        if (equals == in.available() && equals <= NAME_MAX) {
            return Step.WAIT;
        }
        if (length > 0 && equals <= NAME_MAX && in.ahead(equals) == '=') {
            key = in.take(length);
            in.skip(equals - length + 1);
            positional = -1;
        } else {
            key = positional < 0 ? null : tools.argumentAt(tool, positional++);
            if (key == null) {
                return fail("an argument without a name");
            }
        }
        putKey(key);
        value = new LenientJson(LenientJson.Dialect.LITERAL);
        bareLength = 0;
        bareDepth = 0;
        return to(State.VALUE);
    }

    private Step value(Input in) {
        if (bareLength >= 0) {
            in.skipWhitespace();
            if (in.empty()) {
                return Step.WAIT;
            }
            if (BRACKETS_AND_QUOTES.indexOf(in.peek()) < 0) {
                return bareValue(in);
            }
            bareLength = -1;
        }
        Step step = readValue(value, in, calls.arguments());
        if (step != Step.FAILED && !unknown) {
            calls.flush();
        }
        return step == Step.DONE ? to(State.AFTER_VALUE) : step;
    }

    /**
     * A number, a constant, or text without the quotes that it should have: up to the end of the call or the next
     * argument. Some chat templates write strings so, and models follow them.
     */
    private Step bareValue(Input in) {
        for (; bareLength < in.available(); bareLength++) {
            char c = in.ahead(bareLength);
            if (c == '(') {
                bareDepth++;
            } else if (c == ')' && bareDepth > 0) {
                bareDepth--;
            } else if (c == ')' || c == ',' && bareDepth == 0) {
                Input.Match end = c == ')' ? Input.Match.YES : argumentFollows(in, bareLength + 1);
                if (end == Input.Match.MAYBE) {
                    return Step.WAIT;
                }
                if (end == Input.Match.YES) {
                    return putBare(in.take(bareLength).strip());
                }
            }
        }
        return Step.WAIT;
    }

    /**
     * Whether a name and an equals sign, the end of the arguments, or another argument without a name follow a comma.
     */
    private Input.Match argumentFollows(Input in, int from) {
        if (positional > 0) {
            return Input.Match.YES;
        }
        int at = in.skipBlank(from);
        int behind = in.skipBlank(nameEnd(in, at));
        if (behind == in.available()) {
            return in.ended() ? Input.Match.NO : Input.Match.MAYBE;
        }
        return in.ahead(behind) == (behind > at ? '=' : ')') ? Input.Match.YES : Input.Match.NO;
    }

    private Step putBare(String text) {
        String literal = ToolSchemas.value(text);
        if (literal == null && !mayLackQuotes(text)) {
            return fail("'" + text + "' is not a value");
        }
        if (literal == null) {
            JsonText.quote(text, calls.arguments());
        } else {
            calls.arguments().append(literal);
        }
        if (!unknown) {
            calls.flush();
        }
        return to(State.AFTER_VALUE);
    }

    /** Whether text can be a string whose quotes were forgotten; what has brackets of its own is something else. */
    private boolean mayLackQuotes(String text) {
        return positional < 0
                && !unknown
                && tools.allowsText(tool, key)
                && text.chars().noneMatch(c -> "[]{}".indexOf(c) >= 0)
                && !EXPRESSION.matcher(text).matches();
    }

    private Step afterValue(Input in) {
        if (in.peek() == ')') {
            return endCall(in);
        }
        if (in.peek() != ',') {
            return fail("',' or ')' expected after an argument");
        }
        in.skip(1);
        return to(State.ARGUMENT);
    }

    private Step endCall(Input in) {
        if (unknown && (!list || calls.arguments().length() == 1)) {
            return fail("no tool '" + tool + "'");
        }
        any = true;
        in.skip(1);
        calls.arguments().append('}');
        state = State.BETWEEN;
        return completeCall();
    }

    private Step between(Input in) {
        char c = in.peek();
        if (c == ',' || c == ';') {
            in.skip(1);
            return to(State.NAME);
        }
        if (list) {
            Input.Match closes = end.isEmpty() ? Input.Match.NO : in.match(end);
            if (closes != Input.Match.NO) {
                return closes == Input.Match.MAYBE ? Step.WAIT : to(State.CLOSED_LIST);
            }
            if (c != ']') {
                return fail("',' or ']' expected");
            }
            in.skip(1);
            list = false;
            return to(State.CLOSED_LIST);
        }
        return isNamePart(c) && !bare ? to(State.NAME) : close(in);
    }

    private Step close(Input in) {
        if (fenced) {
            Step step = expect(in, FENCE);
            if (step != Step.DONE) {
                return step;
            }
            fenced = false;
        }
        if (unknown) {
            return fail("no tool '" + tool + "'");
        }
        return end.isEmpty() ? Step.DONE : expect(in, end);
    }

    private Step to(State next) {
        state = next;
        return Step.AGAIN;
    }
}
