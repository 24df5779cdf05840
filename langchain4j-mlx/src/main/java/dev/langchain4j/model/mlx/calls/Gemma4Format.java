package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Gemma 4: {@code call:name{..}} with strings between tokens. */
final class Gemma4Format extends WireFormat {
    private static final String START = "<|tool_call>";
    private static final String END = "<tool_call|>";
    private static final String QUOTE = "<|\"|>";

    Gemma4Format() {
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
        return new GemmaCalls(calls, tools, LenientJson.Dialect.GEMMA4, END);
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
