package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;

/**
 * Gemma: {@code call:NAME{key:value,...}}, one or more in a block, in Gemma's own notation of values. Models leave
 * {@code call:} out, write arguments as Python does, or the whole as JSON.
 */
final class GemmaCalls extends CallReader {

    private static final String CALL = "call:";

    private enum State {
        START,
        NAME,
        ARGUMENTS,
        BETWEEN,
        JSON
    }

    private final LenientJson.Dialect dialect;
    private final String end;
    private State state = State.START;
    private LenientJson value;
    private CallReader json;

    GemmaCalls(CallEmitter calls, ToolSchemas tools, LenientJson.Dialect dialect, String end) {
        super(calls, tools);
        this.dialect = dialect;
        this.end = end;
    }

    @Override
    public boolean mayEnd() {
        return json != null ? json.mayEnd() : state == State.BETWEEN;
    }

    @Override
    public Step step(Input in) {
        if (state != State.ARGUMENTS && state != State.JSON) {
            in.skipWhitespace();
            if (in.empty()) {
                return Step.WAIT;
            }
        }
        return switch (state) {
            case START -> start(in);
            case NAME -> name(in);
            case ARGUMENTS -> arguments(in);
            case BETWEEN -> between(in);
            case JSON -> step(json, in);
        };
    }

    private Step start(Input in) {
        if (in.peek() == '{' || in.peek() == '[') {
            json = new JsonCalls(calls, tools, JsonCalls.Block.MARKED, end);
            return to(State.JSON);
        }
        Input.Match match = in.match(CALL);
        if (match == Input.Match.MAYBE) {
            return Step.WAIT;
        }
        in.skip(match == Input.Match.YES ? CALL.length() : 0);
        return to(State.NAME);
    }

    private Step name(Input in) {
        int length = nameEnd(in, 0);
        int behind = in.skipBlank(length);
        if (behind == in.available() && behind <= NAME_MAX) {
            return Step.WAIT;
        }
        Input.Match ends = in.matchAhead(behind, end);
        if (ends == Input.Match.MAYBE) {
            return Step.WAIT;
        }
        boolean opens = behind < in.available() && "{(".indexOf(in.ahead(behind)) >= 0;
        if (!opens && ends == Input.Match.NO || behind > NAME_MAX) {
            return fail("a name and '{' expected");
        }
        Step step = begin(in.take(length), null);
        if (step == Step.FAILED || opens) {
            value = LenientJson.arguments(dialect);
            state = State.ARGUMENTS;
            return step;
        }
        state = State.BETWEEN;
        return completeCall();
    }

    private Step arguments(Input in) {
        Step step = readArguments(value, in);
        if (step != Step.DONE) {
            return step;
        }
        state = State.BETWEEN;
        return completeCall();
    }

    private Step between(Input in) {
        if (in.peek() == end.charAt(0)) {
            return expect(in, end);
        }
        if (in.peek() == ',') {
            in.skip(1);
            return Step.AGAIN;
        }
        Step step = expect(in, CALL);
        return step == Step.DONE ? to(State.NAME) : step;
    }

    private Step to(State next) {
        state = next;
        return Step.AGAIN;
    }
}
