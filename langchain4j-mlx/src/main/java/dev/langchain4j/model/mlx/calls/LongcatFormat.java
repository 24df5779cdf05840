package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** LongCat: the pairs of GLM with tags of its own. */
final class LongcatFormat extends WireFormat {
    private static final String START = "<longcat_tool_call>";
    private static final String END = "</longcat_tool_call>";
    private static final ArgumentTags TAGS = new ArgumentTags(
            "%s", "<longcat_arg_key>%s</longcat_arg_key>", "</longcat_arg_value>", "", false, false, false, false);

    LongcatFormat() {
        super(START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(START);
    }

    @Override
    String token() {
        return START;
    }

    @Override
    public List<String> ends() {
        return List.of(END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new TaggedCalls(calls, tools, END, "longcat_");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "", call -> START + text.tagged(call, TAGS, "\n") + END);
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.tagged(START, END, TAGS);
    }
}
