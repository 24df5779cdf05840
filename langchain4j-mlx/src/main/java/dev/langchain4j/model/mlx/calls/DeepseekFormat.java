package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.LINE;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** DeepSeek V3, R1 and V3.1: sections of calls; the older ones write arguments in a code fence. */
final class DeepseekFormat extends WireFormat {
    private static final String CALL_START = "<｜tool▁call▁begin｜>";
    private static final String FENCE = "```json";

    DeepseekFormat() {
        super("<｜tool▁calls▁begin｜>", CALL_START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("<｜tool▁calls▁begin｜>");
    }

    @Override
    String token() {
        return "<｜tool▁calls▁begin｜>";
    }

    @Override
    public List<String> ends() {
        return List.of("<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>");
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new HeaderCalls(calls, tools, HeaderCalls.DEEPSEEK, start.equals(CALL_START));
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return "<｜tool▁calls▁begin｜>"
                + text.each(
                        calls,
                        "",
                        call -> CALL_START
                                + (text.says(FENCE)
                                        ? "function<｜tool▁sep｜>" + call.name() + "\n" + FENCE + "\n"
                                                + text.arguments(call) + "\n```"
                                        : call.name() + "<｜tool▁sep｜>" + text.arguments(call))
                                + "<｜tool▁call▁end｜>")
                + "<｜tool▁calls▁end｜>";
    }

    @Override
    String grammar(CallGrammar grammar) {
        boolean fenced = grammar.template().contains(FENCE);
        String call = grammar.text(CALL_START)
                + grammar.each((name, schema) -> fenced
                        ? grammar.text("function<｜tool▁sep｜>" + name + "\n" + FENCE + "\n")
                                + grammar.json(schema)
                                + grammar.text("\n```")
                        : grammar.text(name + "<｜tool▁sep｜>") + grammar.json(schema))
                + grammar.text("<｜tool▁call▁end｜>");
        return grammar.text("<｜tool▁calls▁begin｜>") + grammar.upTo(call + LINE) + grammar.text("<｜tool▁calls▁end｜>");
    }
}
