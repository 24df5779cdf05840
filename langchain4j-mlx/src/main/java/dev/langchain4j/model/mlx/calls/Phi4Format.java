package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.BLANK;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Phi-4: a JSON list between tokens, or behind {@code functools}. */
final class Phi4Format extends WireFormat {
    private static final String START = "<|tool_call|>";
    private static final String FUNCTOOLS = "functools[";
    private static final String END = "<|/tool_call|>";

    Phi4Format() {
        super(START, FUNCTOOLS);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("<|/tool|>");
    }

    @Override
    public List<String> ends() {
        return List.of(END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        JsonCalls.Block block = start.equals(FUNCTOOLS) ? JsonCalls.Block.OPENED_LIST : JsonCalls.Block.MARKED;
        return new JsonCalls(calls, tools, block, "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        // Templates that show text only are of the kind with tokens.
        return text.spaced() || text.says(START)
                ? START + text.list(calls, "arguments") + END
                : "functools" + text.list(calls, "arguments");
    }

    @Override
    boolean isWrittenIntoText() {
        return true;
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.template().contains(START)
                ? grammar.text(START) + BLANK + grammar.list("arguments") + "(" + grammar.end(END) + ")?"
                : grammar.text("functools") + grammar.list("arguments");
    }
}
