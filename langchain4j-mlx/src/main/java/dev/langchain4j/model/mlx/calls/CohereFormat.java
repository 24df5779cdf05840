package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.BLANK;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Command R7B and Command A: a JSON list between action tokens. */
final class CohereFormat extends MarkedFormat {
    private static final String START = "<|START_ACTION|>";
    private static final String END = "<|END_ACTION|>";

    CohereFormat() {
        super(START, END);
    }

    @Override
    String token() {
        return START;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.MARKED, END);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return START + text.list(calls, "tool_name", "parameters", idKey(text.template())) + END;
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.text(START)
                + BLANK
                + grammar.list("tool_name", "parameters", idKey(grammar.template()))
                + grammar.end(END);
    }

    private static String idKey(String template) {
        return template.contains("tool_call_id") ? "tool_call_id" : "";
    }
}
