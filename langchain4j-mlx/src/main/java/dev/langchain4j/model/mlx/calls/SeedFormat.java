package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Seed-OSS: Qwen3-Coder's XML between tags of its own. */
final class SeedFormat extends WireFormat {
    private static final String START = "<seed:tool_call>";
    private static final String END = "</seed:tool_call>";
    private static final ArgumentTags TAGS = new ArgumentTags(
            "<function=%s>", "<parameter=%s>", "</parameter>", "</function>", false, true, false, false);

    SeedFormat() {
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
    public List<String> ends() {
        return List.of(END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new TaggedCalls(calls, tools, END, "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "\n", call -> START + "\n" + text.tagged(call, TAGS, "\n") + END);
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.tagged(START, END, TAGS);
    }
}
