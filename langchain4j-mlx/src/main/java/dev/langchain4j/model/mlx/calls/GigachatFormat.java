package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** GigaChat 3: JSON in a message of a role of its own. */
final class GigachatFormat extends WireFormat {
    private static final String START = "<|message_sep|>\n\nfunction call<|role_sep|>";

    GigachatFormat() {
        super(START, "function call<|role_sep|>");
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("'function call'");
    }

    @Override
    public List<String> ends() {
        return List.of("<|message_sep|>");
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.MARKED, "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return START + "\n" + text.object(calls.getFirst(), "arguments");
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.text(START + "\n") + " " + grammar.object("arguments");
    }
}
