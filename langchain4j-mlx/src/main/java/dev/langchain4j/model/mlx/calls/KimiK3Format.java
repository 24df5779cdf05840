package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Kimi K3: elements between control tokens. */
final class KimiK3Format extends MarkedFormat {
    private static final String START = "<|open|>tools<|sep|>";
    private static final String END = "<|close|>tools<|sep|>";
    private static final String CLOSING = "<|close|>json<|sep|><|close|>call<|sep|>";

    KimiK3Format() {
        super(START, END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new XtmlCalls(calls, tools);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return START + text.each(calls, "", call -> opening(call.name()) + text.arguments(call) + CLOSING) + END;
    }

    @Override
    String grammar(CallGrammar grammar) {
        String call = grammar.each(
                (name, schema) -> grammar.text(opening(name)) + grammar.json(schema) + grammar.text(CLOSING));
        return grammar.text(START) + grammar.upTo(call) + grammar.text(END);
    }

    private static String opening(String name) {
        return "<|open|>call tool=\"" + name + "\"<|sep|><|open|>json type=\"object\"<|sep|>";
    }
}
