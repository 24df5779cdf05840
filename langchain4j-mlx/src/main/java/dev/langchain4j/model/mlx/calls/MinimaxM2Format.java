package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;

/** MiniMax M2: invoke tags. */
final class MinimaxM2Format extends TaggedFormat {
    private static final ArgumentTags TAGS = new ArgumentTags(
            "<invoke name=\"%s\">", "<parameter name=\"%s\">", "</parameter>", "</invoke>", false, true, true, false);

    MinimaxM2Format() {
        super("<minimax:tool_call>", "</minimax:tool_call>", TAGS);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new XmlCalls(calls, tools, XmlCalls.Tags.nameAttribute(""), end, false);
    }
}
