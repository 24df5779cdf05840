package dev.langchain4j.model.mlx.parse;

/**
 * What stands behind a marker that several notations share: JSON (Hermes, Qwen), XML (Qwen3-Coder), pairs (GLM), or
 * Python (Llama's built-in tools).
 *
 * <p>Which of them is seen from its first character, for models of one family are found with either.
 */
final class TaggedCalls extends CallReader {

    private static final String FUNCTION = "<function=";

    private final String end;
    private final boolean python;
    private CallReader reader;

    TaggedCalls(CallEmitter calls, ToolSchemas tools, String end, boolean python) {
        super(calls, tools);
        this.end = end;
        this.python = python;
    }

    @Override
    boolean mayEnd() {
        return reader != null && reader.mayEnd();
    }

    @Override
    Step step(Input in) {
        if (reader == null) {
            in.skipWhitespace();
            if (in.empty()) {
                return Step.WAIT;
            }
            char c = in.peek();
            if (c == '{' || c == '[') {
                reader = new JsonCalls(calls, tools, end, false);
            } else if (c == '<') {
                Input.Match match = in.match(FUNCTION);
                if (match != Input.Match.YES) {
                    return match == Input.Match.MAYBE ? Step.WAIT : fail("no call between the tags");
                }
                reader = new XmlCalls(calls, tools, XmlCalls.Tags.equalsSign(), end, false);
            } else if (isNamePart(c)) {
                reader = python ? new PythonicCalls(calls, tools, end, false) : new ArgPairCalls(calls, tools, "", end);
            } else {
                return fail("no call between the tags");
            }
        }
        Step step = reader.step(in);
        if (reader.pollCallEnded()) {
            callEnded();
        }
        return step == Step.FAILED ? fail(reader.failure()) : step;
    }
}
