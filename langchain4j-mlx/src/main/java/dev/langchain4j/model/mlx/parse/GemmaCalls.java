package dev.langchain4j.model.mlx.parse;

/** Gemma: {@code call:NAME{key:value,...}}, one or more in a block, in Gemma's own notation of values. */
final class GemmaCalls extends CallReader {

    private static final String CALL = "call:";

    private final LenientJson.Dialect dialect;
    private final String end;
    private boolean named;
    private boolean any;
    private LenientJson value;

    GemmaCalls(CallEmitter calls, ToolSchemas tools, LenientJson.Dialect dialect, String end) {
        super(calls, tools);
        this.dialect = dialect;
        this.end = end;
    }

    @Override
    boolean mayEnd() {
        return any && !named;
    }

    @Override
    Step step(Input in) {
        if (value != null) {
            return arguments(in);
        }
        if (named) {
            return name(in);
        }
        in.skipWhitespace();
        if (in.empty()) {
            return Step.WAIT;
        }
        if (any && in.peek() == end.charAt(0)) {
            return expect(in, end);
        }
        if (any && in.peek() == ',') {
            in.skip(1);
            return Step.AGAIN;
        }
        Step step = expect(in, CALL);
        if (step == Step.DONE) {
            named = true;
            return Step.AGAIN;
        }
        return step;
    }

    private Step name(Input in) {
        int length = findName(in, "{");
        if (length < 0) {
            return noName(length);
        }
        String name = in.take(length).strip();
        if (!isToolName(name)) {
            return fail("'" + name + "' is not the name of a tool");
        }
        calls.begin(name, null);
        value = new LenientJson(dialect);
        return Step.AGAIN;
    }

    private Step arguments(Input in) {
        Step step = readArguments(value, in);
        if (step != Step.DONE) {
            return step;
        }
        value = null;
        named = false;
        any = true;
        return completeCall();
    }
}
