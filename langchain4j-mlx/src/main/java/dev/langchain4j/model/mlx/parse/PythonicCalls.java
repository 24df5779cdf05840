package dev.langchain4j.model.mlx.parse;

/** Calls as Python: {@code [name(key='value'), other(n=1)]}; the list and a code fence around it may be missing. */
final class PythonicCalls extends CallReader {

    private static final String FENCE = "```";
    private static final String BRACKETS_AND_QUOTES = "[{(\"'";

    private enum State {
        START,
        NAME,
        ARGUMENT,
        VALUE,
        AFTER_VALUE,
        BETWEEN,
        CLOSED_LIST
    }

    /** Text that ends the block; empty if the list ends it. */
    private final String end;
    /** Only a call of a tool on offer counts: the block has no marker of its own. */
    private final boolean bare;

    private State state = State.START;
    private boolean list;
    private boolean fenced;
    private LenientJson value;
    /** How much of a value without quotes or brackets was looked at; -1 for another value. */
    private int bareLength;

    private int bareDepth;

    PythonicCalls(CallEmitter calls, ToolSchemas tools, String end, boolean bare) {
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
        if (state != State.VALUE) {
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
        };
    }

    private Step start(Input in) {
        if (in.peek() == '`' && !fenced) {
            Input.Match match = in.match("```python");
            if (match == Input.Match.YES) {
                in.skip("```python".length());
                fenced = true;
            }
            return match == Input.Match.MAYBE ? Step.WAIT : match == Input.Match.YES ? Step.AGAIN : fail("no call");
        }
        if (in.peek() == '[' && !list) {
            in.skip(1);
            list = true;
            return Step.AGAIN;
        }
        state = State.NAME;
        return Step.AGAIN;
    }

    private Step name(Input in) {
        int length = 0;
        while (length < in.available() && isNamePart(in.ahead(length))) {
            length++;
        }
        if (length == in.available() && length <= 200) {
            return Step.WAIT;
        }
        if (length == 0 || length > 200 || in.ahead(length) != '(') {
            return fail("a name and '(' expected");
        }
        String name = in.take(length);
        if (name.endsWith(".call") && !tools.contains(name)) {
            name = name.substring(0, name.length() - ".call".length());
        }
        if (bare && !tools.contains(name)) {
            return fail("no tool '" + name + "'");
        }
        in.skip(1);
        state = State.ARGUMENT;
        return beginCall(name);
    }

    private Step argument(Input in) {
        if (in.peek() == ')') {
            return endCall(in);
        }
        int length = 0;
        while (length < in.available() && isNamePart(in.ahead(length))) {
            length++;
        }
        int equals = length;
        while (equals < in.available() && Character.isWhitespace(in.ahead(equals))) {
            equals++;
        }
        if (equals == in.available() && equals <= 200) {
            return Step.WAIT;
        }
        if (length == 0 || equals > 200 || in.ahead(equals) != '=') {
            return fail("an argument without a name");
        }
        String key = in.take(length);
        in.skip(equals - length);
        in.skip(1);
        putKey(key);
        value = new LenientJson(LenientJson.Dialect.LITERAL);
        state = State.VALUE;
        bareLength = 0;
        bareDepth = 0;
        return Step.AGAIN;
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
        Step step = readArguments(value, in);
        return step == Step.DONE ? to(State.AFTER_VALUE) : step;
    }

    /**
     * A number, a constant, or text without the quotes that it should have: up to the end of the call or the next argument.
     * Some chat templates write strings so, and models follow them.
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
                    calls.arguments().append(literal(in.take(bareLength).strip()));
                    calls.flush();
                    return to(State.AFTER_VALUE);
                }
            }
        }
        return Step.WAIT;
    }

    /** Whether a name and an equals sign, or the end of the arguments, stand behind a comma. */
    private static Input.Match argumentFollows(Input in, int from) {
        int at = from;
        while (at < in.available() && Character.isWhitespace(in.ahead(at))) {
            at++;
        }
        int name = at;
        while (at < in.available() && isNamePart(in.ahead(at))) {
            at++;
        }
        boolean named = at > name;
        while (at < in.available() && Character.isWhitespace(in.ahead(at))) {
            at++;
        }
        if (at == in.available()) {
            return in.ended() ? Input.Match.NO : Input.Match.MAYBE;
        }
        return in.ahead(at) == (named ? '=' : ')') ? Input.Match.YES : Input.Match.NO;
    }

    private static String literal(String text) {
        Input input = new Input();
        input.append(text);
        input.end();
        StringBuilder json = new StringBuilder();
        boolean whole = new LenientJson(LenientJson.Dialect.LITERAL).read(input, json) == LenientJson.Status.DONE
                && input.empty();
        if (!whole) {
            json.setLength(0);
            JsonText.quote(text, json);
        }
        return json.toString();
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
        if (end.isEmpty()) {
            return Step.DONE;
        }
        return expect(in, end);
    }

    private Step to(State next) {
        state = next;
        return Step.AGAIN;
    }
}
