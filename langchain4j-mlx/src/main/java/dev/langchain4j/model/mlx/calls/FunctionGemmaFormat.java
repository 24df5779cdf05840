package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** FunctionGemma: {@code call:name{..}} with strings between {@code <escape>}. */
final class FunctionGemmaFormat extends WireFormat {
    private static final String START = "<start_function_call>";
    private static final String END = "<end_function_call>";
    private static final String QUOTE = "<escape>";

    FunctionGemmaFormat() {
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
        return new GemmaCalls(calls, tools, LenientJson.Dialect.FUNCTION_GEMMA, END);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "", call -> START + "call:" + call.name() + text.gemma(call, QUOTE) + END);
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.gemma(START, END, QUOTE);
    }
}
