package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.BLANK;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Granite 20B function calling: JSON behind a tag. */
final class Granite20bFormat extends MarkedFormat {
    private static final String START = "<function_call>";

    Granite20bFormat() {
        super(START, "");
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.MARKED, "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "\n", call -> START + " " + text.object(call, "arguments"));
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.repeated(BLANK, START, " \" \"? " + grammar.object("arguments"), "");
    }
}
