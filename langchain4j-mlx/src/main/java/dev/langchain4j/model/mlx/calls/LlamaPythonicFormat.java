package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Llama 3.2 and 4, ToolACE: a Python list of calls with no marker. */
final class LlamaPythonicFormat extends WireFormat {
    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("python list") || clues.says("[func_name1(");
    }

    @Override
    CallReader openBare(CallEmitter calls, ToolSchemas tools) {
        return new PythonicCalls(calls, tools, "", true);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return openBare(calls, tools);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.python(calls);
    }

    @Override
    boolean isWrittenIntoText() {
        return true;
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.pythonList();
    }
}
