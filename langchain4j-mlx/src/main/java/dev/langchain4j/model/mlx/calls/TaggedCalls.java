package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.ToolSchemas;

/**
 * What stands behind a marker that several notations share: JSON (Hermes, Qwen), XML (Qwen3-Coder), pairs (GLM), or
 * Python (Llama's built-in tools).
 *
 * <p>Which of them is seen from its first characters, for models of one family are found with either.
 */
final class TaggedCalls extends CallReader {

    private static final String FUNCTION = "<function=";

    private final String end;
    private final String pairPrefix;
    private CallReader reader;

    /**
     * @param end ends the block; empty if calls end by themselves, as Llama's do, which writes no pairs
     * @param pairPrefix what the names of the tags of pairs begin with
     */
    TaggedCalls(CallEmitter calls, ToolSchemas tools, String end, String pairPrefix) {
        super(calls, tools);
        this.end = end;
        this.pairPrefix = pairPrefix;
    }

    @Override
    public boolean mayEnd() {
        return reader != null && reader.mayEnd();
    }

    @Override
    public Step step(Input in) {
        if (reader == null) {
            in.skipWhitespace();
            Step step = in.empty() ? Step.WAIT : choose(in);
            if (step != Step.AGAIN) {
                return step;
            }
        }
        return step(reader, in);
    }

    private Step choose(Input in) {
        char c = in.peek();
        if (c == '{' || c == '[') {
            reader = new JsonCalls(calls, tools, JsonCalls.Block.MARKED, end);
        } else if (c == '<') {
            Input.Match match = in.match(FUNCTION);
            if (match != Input.Match.YES) {
                return match == Input.Match.MAYBE ? Step.WAIT : fail("no call between the tags");
            }
            reader = new XmlCalls(calls, tools, XmlCalls.Tags.equalsSign(), end, false);
        } else if (isNamePart(c)) {
            int behind = nameEnd(in, 0);
            if (behind == in.available() && behind <= NAME_MAX) {
                return Step.WAIT;
            }
            boolean python = end.isEmpty() || behind < in.available() && in.ahead(behind) == '(';
            reader = python
                    ? new PythonicCalls(calls, tools, end, false)
                    : new ArgPairCalls(calls, tools, pairPrefix, end);
        } else {
            // What names no tool is said by the reader that looks for one.
            reader = end.isEmpty() ? new PythonicCalls(calls, tools, end, false) : null;
            return reader == null ? fail("no call between the tags") : Step.AGAIN;
        }
        return Step.AGAIN;
    }
}
