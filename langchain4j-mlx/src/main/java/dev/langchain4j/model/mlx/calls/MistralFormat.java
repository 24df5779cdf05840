package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Mistral: a JSON list behind {@code [TOOL_CALLS]}, or, newer, a name and its arguments behind each. */
final class MistralFormat extends WireFormat {
    private static final String START = "[TOOL_CALLS]";

    MistralFormat() {
        super(START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(START);
    }

    @Override
    String token() {
        return START;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new MistralCalls(calls, tools);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        if (!text.says("[ARGS]")) {
            return START + text.list(calls, "arguments");
        }
        return text.each(
                calls,
                "",
                call -> START + call.name()
                        + (text.says("[CALL_ID]") ? "[CALL_ID]call%05d".formatted(calls.indexOf(call)) : "")
                        + "[ARGS]" + text.arguments(call));
    }

    @Override
    String grammar(CallGrammar grammar) {
        String start = grammar.text(START);
        if (!grammar.template().contains("[ARGS]")) {
            return start + " \" \"? " + grammar.list("arguments");
        }
        String id = grammar.template().contains("[CALL_ID]") ? grammar.text("[CALL_ID]") + " /[a-zA-Z0-9]{9}/ " : "";
        return grammar.upTo(start
                + grammar.each((name, schema) ->
                        grammar.text(name) + " " + id + grammar.text("[ARGS]") + grammar.json(schema)));
    }
}
