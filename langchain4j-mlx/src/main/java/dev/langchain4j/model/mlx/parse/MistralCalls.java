package dev.langchain4j.model.mlx.parse;

/**
 * Mistral: behind {@code [TOOL_CALLS]} either a JSON list of calls (older models) or
 * {@code name[CALL_ID]id[ARGS]{...}}, where the ID part may be missing; a further call may bring its own marker, or none.
 */
final class MistralCalls extends CallReader {

    private static final String CALL_ID = "[CALL_ID]";
    private static final String ARGS = "[ARGS]";
    private static final int NAME_MAX = 200;

    private CallReader json;
    private String name;
    private String id;
    private LenientJson value;
    private boolean ended;

    MistralCalls(CallEmitter calls, ToolSchemas tools) {
        super(calls, tools);
    }

    @Override
    boolean mayEnd() {
        return json != null ? json.mayEnd() : ended;
    }

    @Override
    Step step(Input in) {
        if (json != null) {
            Step step = json.step(in);
            if (json.pollCallEnded()) {
                callEnded();
            }
            return step == Step.FAILED ? fail(json.failure()) : step;
        }
        if (ended) {
            return another(in);
        }
        if (value != null) {
            return arguments(in);
        }
        in.skipWhitespace();
        if (in.empty()) {
            return Step.WAIT;
        }
        if (name == null && (in.peek() == '[' || in.peek() == '{')) {
            json = new JsonCalls(calls, tools, "", false);
            return Step.AGAIN;
        }
        return header(in);
    }

    /** Behind a call: the name of a further one, or what is none of this block's business. */
    private Step another(Input in) {
        int blank = 0;
        while (blank < in.available() && Character.isWhitespace(in.ahead(blank))) {
            blank++;
        }
        int at = blank;
        while (at < in.available() && isNamePart(in.ahead(at))) {
            at++;
        }
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
        ended = false;
        return Step.AGAIN;
    }

    private Step header(Input in) {
        int length = 0;
        while (length < in.available() && isNamePart(in.ahead(length))) {
            length++;
        }
        if (length > NAME_MAX) {
            return fail("no tool name before " + ARGS);
        }
        if (length == in.available()) {
            return Step.WAIT;
        }
        Input.Match callId = in.matchAhead(length, CALL_ID);
        Input.Match args = in.matchAhead(length, ARGS);
        boolean object = in.ahead(length) == '{';
        if (!object && callId == Input.Match.NO && args == Input.Match.NO || length == 0) {
            return fail("no tool name before " + ARGS);
        }
        if (callId == Input.Match.MAYBE || args == Input.Match.MAYBE) {
            return Step.WAIT;
        }
        String word = in.take(length);
        if (callId == Input.Match.YES) {
            if (name != null) {
                return fail("two call IDs");
            }
            name = word;
            in.skip(CALL_ID.length());
            return Step.AGAIN;
        }
        if (name == null) {
            name = word;
        } else {
            id = word;
        }
        in.skip(args == Input.Match.YES ? ARGS.length() : 0);
        calls.begin(name, id);
        value = new LenientJson(LenientJson.Dialect.LITERAL);
        return Step.AGAIN;
    }

    private Step arguments(Input in) {
        Step step = readArguments(value, in);
        if (step != Step.DONE) {
            return step;
        }
        ended = true;
        return completeCall();
    }
}
