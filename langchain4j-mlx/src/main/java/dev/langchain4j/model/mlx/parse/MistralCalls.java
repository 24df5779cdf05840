package dev.langchain4j.model.mlx.parse;

/**
 * Mistral: behind {@code [TOOL_CALLS]} either a JSON list of calls (older models) or
 * {@code name[CALL_ID]id[ARGS]{...}}, where the ID part may be missing; a further call brings its own marker.
 */
final class MistralCalls extends CallReader {

    private static final String CALL_ID = "[CALL_ID]";
    private static final String ARGS = "[ARGS]";

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
        return json != null && json.mayEnd();
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
            return Step.DONE;
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

    private Step header(Input in) {
        int length = 0;
        while (length < in.available() && isNamePart(in.ahead(length))) {
            length++;
        }
        if (length > 200) {
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
