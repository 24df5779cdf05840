package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** GLM 4.5 and later: a name and pairs of tags. */
final class GlmFormat extends WireFormat {
    private static final String START = "<tool_call>";
    private static final String END = "</tool_call>";
    private static final ArgumentTags TAGS =
            new ArgumentTags("%s", "<arg_key>%s</arg_key>", "</arg_value>", "", false, false, false, false);

    GlmFormat() {
        super(START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(START) && clues.says("<arg_key>");
    }

    @Override
    String token() {
        return "<arg_key>";
    }

    @Override
    public List<String> ends() {
        return List.of(END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new TaggedCalls(calls, tools, END, "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "\n", call -> START + text.tagged(call, TAGS, "\n") + END);
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.tagged(START, END, TAGS);
    }
}
