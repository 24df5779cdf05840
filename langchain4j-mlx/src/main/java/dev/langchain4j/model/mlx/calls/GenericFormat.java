package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.ToolSchemas;

/** A template that shows tools in a way of its own: Hermes' tags, bare JSON, and a name with JSON are understood. */
final class GenericFormat extends HermesFormat {
    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("tools");
    }

    @Override
    String token() {
        return "";
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
    String grammar(CallGrammar grammar) {
        return "(" + super.grammar(grammar) + " | " + grammar.object("arguments") + ")";
    }
}
