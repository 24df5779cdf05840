package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Kimi K2: sections of calls whose headers are IDs that hold the name. */
final class KimiK2Format extends WireFormat {
    private static final String SECTION_START = "<|tool_calls_section_begin|>";
    private static final String SECTION_END = "<|tool_calls_section_end|>";
    private static final String CALL_START = "<|tool_call_begin|>";
    private static final String ARGUMENTS = "<|tool_call_argument_begin|>";
    private static final String CALL_END = "<|tool_call_end|>";

    KimiK2Format() {
        super(SECTION_START, "<|tool_call_section_begin|>", CALL_START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(SECTION_START);
    }

    @Override
    String token() {
        return SECTION_START;
    }

    @Override
    public List<String> ends() {
        return List.of(CALL_END, SECTION_END, "<|tool_call_section_end|>");
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new HeaderCalls(calls, tools, HeaderCalls.KIMI, start.equals(CALL_START));
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return SECTION_START
                + text.each(
                        calls,
                        "",
                        call -> CALL_START + "functions." + call.name() + ":" + calls.indexOf(call) + ARGUMENTS
                                + text.arguments(call) + CALL_END)
                + SECTION_END;
    }

    @Override
    String grammar(CallGrammar grammar) {
        String call = grammar.text(CALL_START)
                + grammar.each((name, schema) -> grammar.text("functions." + name + ":") + " /[0-9]{1,2}/ "
                        + grammar.text(ARGUMENTS) + grammar.json(schema))
                + grammar.text(CALL_END);
        return grammar.text(SECTION_START) + grammar.upTo(call) + grammar.text(SECTION_END);
    }
}
