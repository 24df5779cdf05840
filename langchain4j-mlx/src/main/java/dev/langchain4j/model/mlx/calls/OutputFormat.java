package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.parse.OutputParser;
import dev.langchain4j.model.mlx.parse.OutputSink;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.Objects;
import java.util.function.Predicate;

/**
 * How a model writes its answers to one request. Immutable; may be used by several threads.
 *
 * @param reasoning how it sets its reasoning apart
 * @param toolCalls how it writes tool calls; counts only if there are tools
 * @param tools the tools that the request offers
 */
public record OutputFormat(ReasoningFormat reasoning, ToolCallFormat toolCalls, ToolSchemas tools) {
    /** Checks that no part is null. */
    public OutputFormat {
        Objects.requireNonNull(reasoning, "reasoning");
        Objects.requireNonNull(toolCalls, "toolCalls");
        Objects.requireNonNull(tools, "tools");
    }

    /** Recognises the formats from the text of a chat template. */
    public static OutputFormat detect(String template, ToolSchemas tools) {
        return detect(template, token -> false, tools);
    }

    /**
     * Recognises the formats from the text of a chat template and the tokens that were added to the vocabulary.
     *
     * @param tokens whether a text is one of those
     */
    public static OutputFormat detect(String template, Predicate<String> tokens, ToolSchemas tools) {
        return new OutputFormat(ReasoningFormat.detect(template), ToolCallFormat.detect(template, tokens), tools);
    }

    /**
     * Settings of a parser for this format.
     *
     * @param reasoningOpen whether the prompt has opened the reasoning, see {@link ReasoningFormat#opensIn}
     */
    public OutputParser.Builder parser(OutputSink sink, boolean reasoningOpen) {
        return OutputParser.builder(sink).reasoning(reasoning, reasoningOpen).toolCalls(toolCalls.reading(), tools);
    }
}
