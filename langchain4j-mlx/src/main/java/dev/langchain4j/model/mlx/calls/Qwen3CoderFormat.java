package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Qwen3-Coder, Qwen 3.5 and Nemotron 3: XML between tags, of which the first may be missing. */
final class Qwen3CoderFormat extends WireFormat {
    private static final String START = "<tool_call>";
    private static final String END = "</tool_call>";
    private static final String FUNCTION = "<function=";
    private static final ArgumentTags TAGS = new ArgumentTags(
            "<function=%s>", "<parameter=%s>", "</parameter>", "</function>", true, true, false, false);

    Qwen3CoderFormat() {
        super(START, FUNCTION);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(START) && clues.says(FUNCTION);
    }

    @Override
    public List<String> ends() {
        return List.of(END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return start.equals(FUNCTION)
                ? new XmlCalls(calls, tools, XmlCalls.Tags.equalsSign(), END, true)
                : new TaggedCalls(calls, tools, END, "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "\n", call -> START + "\n" + text.tagged(call, TAGS, "\n") + END);
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.tagged(START, END, TAGS);
    }
}
