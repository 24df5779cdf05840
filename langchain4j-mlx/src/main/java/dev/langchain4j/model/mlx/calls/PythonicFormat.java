package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** LFM2: Python calls between control tokens. */
final class PythonicFormat extends MarkedFormat {
    private static final String START = "<|tool_call_start|>";
    private static final String END = "<|tool_call_end|>";

    PythonicFormat() {
        super(START, END);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(START) || clues.says("<|tool_list_start|>");
    }

    @Override
    String token() {
        return START;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new PythonicCalls(calls, tools, END, false);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return START + text.python(calls) + END;
    }

    @Override
    boolean isWrittenIntoText() {
        return true;
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.text(START) + grammar.pythonList() + grammar.text(END);
    }
}
