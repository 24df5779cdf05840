package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** gpt-oss: messages to {@code functions.NAME} on a channel. The reasoning format of the same name reads them. */
final class HarmonyFormat extends WireFormat {
    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("<|channel|>");
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        throw new IllegalStateException("messages have no blocks of calls");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(
                calls.subList(0, 1),
                "",
                call -> " to=functions." + call.name() + "<|channel|>commentary json<|message|>"
                        + text.arguments(call));
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.each((name, schema) -> "("
                + grammar.text(" to=functions." + name + "<|channel|>commentary")
                + " (" + grammar.text(" json") + " | \" \"? " + grammar.text("<|constrain|>json") + ")? | "
                + grammar.text("<|channel|>commentary to=functions." + name + " <|constrain|>json")
                + ") " + grammar.text("<|message|>") + grammar.json(schema));
    }
}
