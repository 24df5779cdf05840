package dev.langchain4j.model.mlx.parse;

/**
 * Calls as a header with the name, a separator, JSON arguments and an end marker: Kimi K2, DeepSeek, Functionary.
 *
 * <p>DeepSeek V3 and R1 write {@code function}, the separator, then the name and the arguments in a code fence; V3.1
 * writes the name before the separator. Kimi's header is the call's ID, {@code functions.NAME:INDEX}.
 */
final class HeaderCalls extends CallReader {

    /** Markers of one family; {@code blockEnd} is empty where a call is a block. */
    record Markers(String callStart, String separator, String callEnd, String blockEnd) {}

    static final Markers KIMI = new Markers(
            "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "<|tool_calls_section_end|>");
    static final Markers DEEPSEEK =
            new Markers("<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>");
    static final Markers FUNCTIONARY = new Markers("", ">", "</function>", "");

    private static final String FENCE = "```";
    /** Longest text between a name and the brace that opens its arguments. */
    private static final int FENCE_LINE_MAX = 40;

    private enum State {
        START,
        HEADER,
        NAME_LINE,
        ARGUMENTS,
        CALL_END,
        BETWEEN
    }

    private final Markers markers;
    private State state;
    private String header;
    private LenientJson value;
    private boolean fenced;

    HeaderCalls(CallEmitter calls, ToolSchemas tools, Markers markers) {
        super(calls, tools);
        this.markers = markers;
        state = markers.callStart.isEmpty() ? State.HEADER : State.START;
    }

    @Override
    boolean mayEnd() {
        return state == State.BETWEEN || state == State.CALL_END && !fenced;
    }

    @Override
    Step step(Input in) {
        return switch (state) {
            case START -> then(expect(in, markers.callStart), State.HEADER);
            case HEADER -> header(in);
            case NAME_LINE -> nameLine(in);
            case ARGUMENTS -> arguments(in);
            case CALL_END -> callEnd(in);
            case BETWEEN -> between(in);
        };
    }

    private Step then(Step step, State next) {
        if (step != Step.DONE) {
            return step;
        }
        state = next;
        return Step.AGAIN;
    }

    private Step header(Input in) {
        int length = findName(in, markers.separator);
        if (length < 0) {
            return noName(length);
        }
        header = in.take(length).strip();
        in.skip(markers.separator.length());
        state = State.NAME_LINE;
        return Step.AGAIN;
    }

    /** Directly behind the separator: arguments, or a name and arguments in a fence. */
    private Step nameLine(Input in) {
        in.skipWhitespace();
        if (in.empty()) {
            return Step.WAIT;
        }
        if (in.peek() == '{') {
            return begin(header);
        }
        int length = findName(in, FENCE);
        if (length < 0) {
            return noName(length);
        }
        int object = in.find("{");
        if (object > length + FENCE_LINE_MAX || object < 0 && in.available() > length + FENCE_LINE_MAX) {
            return fail("no arguments after the name");
        }
        if (object < length) {
            return object < 0 ? Step.WAIT : fail("no code fence before the arguments");
        }
        String name = in.take(length).strip();
        in.skip(object - length);
        fenced = true;
        return begin(name.isEmpty() ? header : name);
    }

    private Step begin(String nameOrId) {
        String name = nameOrId;
        String id = null;
        if (markers == KIMI) {
            id = nameOrId;
            int colon = nameOrId.lastIndexOf(':');
            name = colon > 0 ? nameOrId.substring(0, colon) : nameOrId;
            name = name.startsWith("functions.") ? name.substring("functions.".length()) : name;
        }
        if (!isToolName(name)) {
            return fail("'" + name + "' is not the name of a tool");
        }
        calls.begin(name, id);
        value = new LenientJson(LenientJson.Dialect.LITERAL);
        state = State.ARGUMENTS;
        return Step.AGAIN;
    }

    private Step arguments(Input in) {
        Step step = readArguments(value, in);
        if (step != Step.DONE) {
            return step;
        }
        state = State.CALL_END;
        return completeCall();
    }

    private Step callEnd(Input in) {
        in.skipWhitespace();
        if (fenced) {
            Step step = expect(in, FENCE);
            if (step != Step.DONE) {
                return step;
            }
            fenced = false;
        }
        Step step = expect(in, markers.callEnd);
        if (step == Step.DONE && !markers.blockEnd.isEmpty()) {
            state = State.BETWEEN;
            return Step.AGAIN;
        }
        return step;
    }

    private Step between(Input in) {
        in.skipWhitespace();
        if (in.empty()) {
            return Step.WAIT;
        }
        return in.match(markers.callStart) == Input.Match.YES
                ? then(expect(in, markers.callStart), State.HEADER)
                : in.match(markers.callStart) == Input.Match.MAYBE ? Step.WAIT : expect(in, markers.blockEnd);
    }
}
