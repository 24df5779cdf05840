package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.LINE;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** A template that shows tools in a way of its own: Hermes' tags, bare JSON, and a name with JSON are understood. */
final class GenericFormat extends WireFormat {
    private static final String START = "<tool_call>";
    private static final String END = "</tool_call>";

    GenericFormat() {
        super(START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("tools");
    }

    @Override
    public List<String> ends() {
        return List.of(END);
    }

    @Override
    public boolean opensBare(Input in, int at, ToolSchemas tools) {
        return super.opensBare(in, at, tools) || NamedJsonCalls.mayStand(in, at, tools);
    }

    @Override
    CallReader openBare(CallEmitter calls, ToolSchemas tools) {
        return new NamedJsonCalls(calls, tools);
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
        String tagged = grammar.repeated(LINE, START, LINE + grammar.object("arguments") + LINE, END);
        return "(" + tagged + " | " + grammar.object("arguments") + ")";
    }
}
