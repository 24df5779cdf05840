package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.LINE;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Functionary 3.1: JSON between function tags. */
final class FunctionaryFormat extends MarkedFormat {
    private static final String START = "<function=";
    private static final String END = "</function>";

    FunctionaryFormat() {
        super(START, END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new HeaderCalls(calls, tools, HeaderCalls.FUNCTIONARY, true);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "", call -> START + call.name() + ">" + text.arguments(call) + END);
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.repeated(
                LINE, START, grammar.each((name, schema) -> grammar.text(name + ">") + grammar.json(schema)), END);
    }
}
