package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;

/** LongCat: the pairs of GLM with tags of its own. */
final class LongcatFormat extends TaggedFormat {
    private static final ArgumentTags TAGS = new ArgumentTags(
            "%s", "<longcat_arg_key>%s</longcat_arg_key>", "</longcat_arg_value>", "", false, false, false, false);

    LongcatFormat() {
        super("<longcat_tool_call>", "</longcat_tool_call>", TAGS);
    }

    @Override
    String token() {
        return start;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new TaggedCalls(calls, tools, end, "longcat_");
    }
}
