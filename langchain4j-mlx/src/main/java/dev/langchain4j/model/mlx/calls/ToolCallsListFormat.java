package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.BLANK;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Jamba and Apriel: a JSON list between tags. */
final class ToolCallsListFormat extends WireFormat {
    private static final String START = "<tool_calls>";
    private static final String END = "</tool_calls>";

    ToolCallsListFormat() {
        super(START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(START);
    }

    @Override
    public List<String> ends() {
        return List.of(END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.MARKED, END);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return START + text.list(calls, "arguments") + END;
    }

    @Override
    boolean isWrittenIntoText() {
        return true;
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.text(START) + BLANK + grammar.list("arguments") + grammar.end(END);
    }
}
