package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;

/**
 * Mistral: behind {@code [TOOL_CALLS]} either a JSON list of calls (older models) or
 * {@code name[CALL_ID]id[ARGS]{...}}, where the ID part may be missing; a further call may bring its own marker, or
 * none.
 */
final class MistralCalls extends CallReader {

    private static final String CALL_ID = "[CALL_ID]";
    private static final String ARGS = "[ARGS]";
    private static final String CALLS = "[TOOL_CALLS]";

    private CallReader json;
    private String name;
    private String id;
    private LenientJson value;
    /** Whether some of the arguments was read: white space may end a value then. */
    private boolean begun;

    private boolean ended;

    MistralCalls(CallEmitter calls, ToolSchemas tools) {
        super(calls, tools);
    }

    @Override
    public boolean mayEnd() {
        return json != null ? json.mayEnd() : ended;
    }

    @Override
    public Step step(Input in) {
        if (json != null) {
            return step(json, in);
        }
        if (ended) {
            return another(in);
        }
        if (value != null) {
            return arguments(in);
        }
        in.skipWhitespace();
        if (in.empty() && !nothingFollows(in)) {
            return Step.WAIT;
        }
        if (in.empty()) {
            return name == null ? Step.WAIT : empty();
        }
        if (name == null && (in.peek() == '[' || in.peek() == '{')) {
            json = new JsonCalls(calls, tools, JsonCalls.Block.MARKED, "");
            return Step.AGAIN;
        }
        return header(in);
    }

    /** Behind a call: the name of a further one, or what is none of this block's business. */
    private Step another(Input in) {
        int blank = in.skipBlank(0);
        int at = nameEnd(in, blank);
        if (at == in.available()) {
            return in.ended() || at - blank > NAME_MAX ? Step.DONE : Step.WAIT;
        }
        Input.Match callId = in.matchAhead(at, CALL_ID);
        Input.Match args = in.matchAhead(at, ARGS);
        if (at == blank || callId == Input.Match.NO && args == Input.Match.NO) {
            return Step.DONE;
        }
        if (callId == Input.Match.MAYBE || args == Input.Match.MAYBE) {
            return Step.WAIT;
        }
        in.skip(blank);
        name = null;
        id = null;
        value = null;
        begun = false;
        ended = false;
        return Step.AGAIN;
    }

    private static boolean nothingFollows(Input in) {
        return in.empty() && in.ended() && !in.cut();
    }

    private Step header(Input in) {
        int length = nameEnd(in, 0);
        if (length > NAME_MAX || length == 0) {
            return fail("no tool name before " + ARGS);
        }
        int behind = in.skipBlank(length);
        if (behind == in.available()) {
            boolean alone = in.ended() && !in.cut() && tools.contains(toolName(in.lookAhead(length)));
            return alone ? name(in, length, 0) : Step.WAIT;
        }
        Input.Match callId = in.matchAhead(length, CALL_ID);
        Input.Match args = in.matchAhead(length, ARGS);
        boolean object = in.ahead(behind) == '{';
        if (!object && callId == Input.Match.NO && args == Input.Match.NO) {
            return fail("no tool name before " + ARGS);
        }
        if (callId == Input.Match.MAYBE || args == Input.Match.MAYBE) {
            return Step.WAIT;
        }
        if (callId == Input.Match.YES) {
            if (name != null) {
                return fail("two call IDs");
            }
            name = in.take(length);
            in.skip(CALL_ID.length());
            return Step.AGAIN;
        }
        return name(in, length, args == Input.Match.YES ? ARGS.length() : 0);
    }

    /** A name, or an ID behind one; arguments follow. */
    private Step name(Input in, int length, int separator) {
        String word = in.take(length);
        in.skip(separator);
        Step step = begin(name == null ? word : name, name == null ? null : word);
        name = name == null ? word : name;
        value = new LenientJson(LenientJson.Dialect.LITERAL);
        return step;
    }

    /** Arguments may be missing where there is nothing more, or the next call. */
    private Step arguments(Input in) {
        if (!begun) {
            in.skipWhitespace();
            Input.Match next = in.match(CALLS);
            if (next == Input.Match.MAYBE) {
                return nothingFollows(in) ? empty() : Step.WAIT;
            }
            if (next == Input.Match.YES || nothingFollows(in)) {
                return empty();
            }
            begun = !in.empty();
        }
        Step step = readArguments(value, in);
        if (step != Step.DONE) {
            return step;
        }
        ended = true;
        return completeCall();
    }

    private Step empty() {
        if (value == null) {
            begin(name, null);
        }
        ended = true;
        return completeCall();
    }
}
