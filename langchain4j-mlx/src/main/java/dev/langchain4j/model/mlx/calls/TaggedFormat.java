package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** A format whose arguments are text between tags. */
abstract class TaggedFormat extends MarkedFormat {
    private final ArgumentTags tags;

    TaggedFormat(String start, String end, ArgumentTags tags, String... others) {
        super(start, end, others);
        this.tags = tags;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new TaggedCalls(calls, tools, end, "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        String line = tags.lines() ? "\n" : "";
        return tags.severalInABlock()
                ? start + line + text.each(calls, "", call -> text.tagged(call, tags, "\n")) + end
                : text.each(calls, "\n", call -> start + line + text.tagged(call, tags, "\n") + end);
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.tagged(start, end, tags);
    }
}
