package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** FireFunction 2: a JSON list behind {@code functools}. */
final class FirefunctionFormat extends WireFormat {
    FirefunctionFormat() {
        super("functools[");
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("functools[");
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.OPENED_LIST, "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return "functools" + text.list(calls, "arguments");
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.text("functools") + grammar.list("arguments");
    }
}
