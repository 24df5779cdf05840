package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;

/** Qwen3-Coder, Qwen 3.5 and Nemotron 3: XML between tags, of which the first may be missing. */
final class Qwen3CoderFormat extends TaggedFormat {
    private static final String FUNCTION = "<function=";
    private static final ArgumentTags TAGS = new ArgumentTags(
            "<function=%s>", "<parameter=%s>", "</parameter>", "</function>", true, true, false, false);

    Qwen3CoderFormat() {
        super("<tool_call>", "</tool_call>", TAGS, FUNCTION);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(start) && clues.says(FUNCTION);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return start.equals(FUNCTION)
                ? new XmlCalls(calls, tools, XmlCalls.Tags.equalsSign(), end, true)
                : super.openMarked(start, calls, tools);
    }
}
