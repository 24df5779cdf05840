package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.ArrayList;
import java.util.List;

/**
 * Calls as a header with the name, a separator, JSON arguments and an end marker: Kimi K2, DeepSeek, Functionary.
 *
 * <p>DeepSeek V3 and R1 write {@code function}, the separator, then the name and the arguments in a code fence; V3.1
 * writes the name before the separator. Kimi's header is the call's ID, {@code functions.NAME:INDEX}.
 */
final class HeaderCalls extends CallReader {

    /**
     * Markers of one family.
     *
     * @param blockEnds ends of a block, in the spellings that models use; none where a call is a block
     * @param ids whether headers are IDs that hold the name
     */
    record Markers(String callStart, String separator, String callEnd, List<String> blockEnds, boolean ids) {
        /** What stands behind a call whose own end was forgotten. */
        List<String> next() {
            List<String> next = new ArrayList<>(blockEnds);
            if (!callStart.isEmpty()) {
                next.add(callStart);
            }
            return next;
        }
    }

    static final Markers KIMI = new Markers(
            "<|tool_call_begin|>",
            "<|tool_call_argument_begin|>",
            "<|tool_call_end|>",
            List.of("<|tool_calls_section_end|>", "<|tool_call_section_end|>"),
            true);
    static final Markers DEEPSEEK = new Markers(
            "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", List.of("<｜tool▁calls▁end｜>"), false);
    static final Markers FUNCTIONARY = new Markers("", ">", "</function>", List.of(), false);

    private static final String NAMESPACE = "functions";
    private static final String SEPARATORS = ":._-";
    private static final String FENCE = "```";
    /** Longest text between a name and the brace that opens its arguments. */
    private static final int FENCE_LINE_MAX = 40;

    private enum State {
        START,
        HEADER,
        NAME_LINE,
        ARGUMENTS,
        CALL_END,
        BETWEEN,
        JSON
    }

    private final Markers markers;
    private State state;
    private String header;
    private LenientJson value;
    private boolean fenced;
    private CallReader json;

    /** @param opened whether the block began with a call's own marker */
    HeaderCalls(CallEmitter calls, ToolSchemas tools, Markers markers, boolean opened) {
        super(calls, tools);
        this.markers = markers;
        state = opened ? State.HEADER : State.START;
    }

    @Override
    public boolean mayEnd() {
        return state == State.BETWEEN || state == State.CALL_END && !fenced || json != null && json.mayEnd();
    }

    @Override
    public Step step(Input in) {
        if (state != State.ARGUMENTS && state != State.JSON) {
            in.skipWhitespace();
        }
        return switch (state) {
            case START -> start(in);
            case HEADER -> header(in);
            case NAME_LINE -> nameLine(in);
            case ARGUMENTS -> arguments(in);
            case CALL_END -> callEnd(in);
            case BETWEEN -> between(in);
            case JSON -> json(in);
        };
    }

    private Step to(State next) {
        state = next;
        return Step.AGAIN;
    }

    private Step start(Input in) {
        if (!in.empty() && (in.peek() == '{' || in.peek() == '[')) {
            json = new JsonCalls(calls, tools, JsonCalls.Block.MARKED, "");
            return to(State.JSON);
        }
        Step step = expect(in, markers.callStart);
        return step == Step.DONE ? to(State.HEADER) : step;
    }

    private Step json(Input in) {
        Step step = step(json, in);
        if (step != Step.DONE) {
            return step;
        }
        json = null;
        return to(State.CALL_END);
    }

    /** The header goes up to the separator; models leave that out before a brace, or where there are no arguments. */
    private Step header(Input in) {
        if (in.empty()) {
            return Step.WAIT;
        }
        if (in.peek() == '{' && !markers.callStart.isEmpty()) {
            json = new JsonCalls(calls, tools, JsonCalls.Block.MARKED, "");
            return to(State.JSON);
        }
        int brace = markers.callStart.isEmpty() ? -1 : in.findAhead(0, "{");
        int end = in.findAhead(0, markers.callEnd);
        int length = findName(in, markers.separator);
        int other = brace < 0 ? end : end < 0 ? brace : Math.min(brace, end);
        if (other >= 0 && other <= NAME_MAX && (length < 0 || other < length)) {
            header = in.take(other).strip();
            return to(State.NAME_LINE);
        }
        if (length < 0) {
            return noName(length);
        }
        header = in.take(length).strip();
        in.skip(markers.separator.length());
        return to(State.NAME_LINE);
    }

    /** Directly behind the separator: arguments, none at all, or a name and arguments in a fence. */
    private Step nameLine(Input in) {
        if (in.empty()) {
            return in.ended() && !in.cut() && tools.contains(toolName(named(header))) ? beginEmpty(header) : Step.WAIT;
        }
        if (in.peek() == '{') {
            return begin(header);
        }
        Input.Match ends = in.match(markers.callEnd);
        if (ends != Input.Match.NO) {
            return ends == Input.Match.YES ? beginEmpty(header) : Step.WAIT;
        }
        int length = nameEnd(in, 0);
        int behind = in.skipBlank(length);
        if (behind == in.available() && behind <= NAME_MAX) {
            return Step.WAIT;
        }
        Input.Match fence = in.matchAhead(behind, FENCE);
        int object = in.findAhead(behind, "{");
        if (fence == Input.Match.MAYBE
                || fence == Input.Match.YES && object < 0 && in.available() <= behind + FENCE_LINE_MAX) {
            return Step.WAIT;
        }
        if (fence == Input.Match.NO && object != behind || object < 0 || object > behind + FENCE_LINE_MAX) {
            return fail("no arguments after the name");
        }
        String name = in.take(length);
        in.skip(object - length);
        fenced = fence == Input.Match.YES;
        return begin(name.isEmpty() ? header : name);
    }

    private Step begin(String nameOrId) {
        Step step = begin(named(nameOrId), markers.ids ? nameOrId : null);
        value = new LenientJson(LenientJson.Dialect.LITERAL);
        state = State.ARGUMENTS;
        return step;
    }

    private Step beginEmpty(String nameOrId) {
        Step step = begin(nameOrId);
        state = State.CALL_END;
        return step == Step.FAILED ? step : completeCall();
    }

    /** The tool that a header names; where it is an ID, separators in it may be missing. */
    private String named(String header) {
        if (!markers.ids) {
            return header;
        }
        int colon = header.lastIndexOf(':');
        boolean indexed = colon > 0 && header.substring(colon + 1).chars().allMatch(Character::isDigit);
        String name = indexed ? header.substring(0, colon) : header;
        name = name.startsWith(NAMESPACE + ".") ? name.substring(NAMESPACE.length() + 1) : name;
        String bare = name.startsWith(NAMESPACE) ? name.substring(NAMESPACE.length()) : name;
        for (int end = bare.length(); end > 0 && !tools.contains(name); end--) {
            if (tools.contains(bare.substring(0, end))) {
                return bare.substring(0, end);
            }
            if (!Character.isDigit(bare.charAt(end - 1)) && SEPARATORS.indexOf(bare.charAt(end - 1)) < 0) {
                break;
            }
        }
        return name;
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
        if (fenced) {
            Step step = expect(in, FENCE);
            if (step != Step.DONE) {
                return step;
            }
            fenced = false;
            in.skipWhitespace();
        }
        if (!in.empty() && in.peek() == '}') {
            // One brace too many closes nothing.
            in.skip(1);
            return Step.AGAIN;
        }
        Input.Match next = in.matchAny(0, markers.next());
        if (next != Input.Match.NO) {
            return next == Input.Match.MAYBE ? Step.WAIT : to(State.BETWEEN);
        }
        Step step = expect(in, markers.callEnd);
        return step == Step.DONE && !markers.blockEnds.isEmpty() ? to(State.BETWEEN) : step;
    }

    private Step between(Input in) {
        if (in.empty()) {
            return Step.WAIT;
        }
        Input.Match next = in.matchAny(0, markers.next());
        if (next == Input.Match.MAYBE) {
            return Step.WAIT;
        }
        for (String end : markers.blockEnds) {
            if (in.match(end) == Input.Match.YES) {
                in.skip(end.length());
                return Step.DONE;
            }
        }
        if (in.match(markers.callEnd) == Input.Match.YES) {
            in.skip(markers.callEnd.length());
            return Step.AGAIN;
        }
        if (next == Input.Match.NO && in.match(markers.callEnd) == Input.Match.NO) {
            // The calls are whole; the end of the block was forgotten.
            return Step.DONE;
        }
        Step step = expect(in, markers.callStart);
        return step == Step.DONE ? to(State.HEADER) : step;
    }
}
