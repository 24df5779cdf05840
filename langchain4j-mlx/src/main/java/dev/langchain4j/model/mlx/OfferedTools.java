package dev.langchain4j.model.mlx;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** What a model makes of the tools that requests offer, once for all that offer the same. Thread-safe. */
final class OfferedTools {
    private final List<ToolSpecification> tools;
    private final ToolSchemas schemas;
    private CallSyntax syntax;

    OfferedTools(List<ToolSpecification> tools) {
        this.tools = List.copyOf(tools);
        this.schemas = ChatExecution.schemas(tools);
    }

    /** What the parser must know of them. */
    ToolSchemas schemas() {
        return schemas;
    }

    /** How calls of them are written in a model's format. */
    synchronized CallSyntax syntax(MlxModel model, OutputFormat format) {
        if (syntax == null) {
            syntax = new CallSyntax(model.grammars(), () -> AnswerFormat.calls(model, format, tools));
        }
        return syntax;
    }
}
