package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.LINE;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Hermes, Qwen 2.5 and 3, Granite 4, SmolLM3 and many more: JSON between tags. */
class HermesFormat extends MarkedFormat {
    private static final String START = "<tool_call>";
    private static final String END = "</tool_call>";

    HermesFormat() {
        super(START, END);
    }

    @Override
    String token() {
        return START;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new TaggedCalls(calls, tools, END, "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "\n", call -> START + "\n" + text.object(call, "arguments") + "\n" + END);
    }

    @Override
    boolean isWrittenIntoText() {
        return true;
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.repeated(LINE, START, LINE + grammar.object("arguments") + LINE, END);
    }
}
