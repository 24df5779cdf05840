package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar.Reasoning;
import dev.langchain4j.model.mlx.grammar.JsonSchemas;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.prompt.Prompt;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the response format and the tool choice of a request say the answer must look like. */
final class AnswerFormat {
    private final MlxModel model;
    private final MlxChatRequestParameters parameters;

    AnswerFormat(MlxModel model, MlxChatRequestParameters parameters) {
        this.model = model;
        this.parameters = parameters;
    }

    /**
     * A matcher that the caller closes, or null for any text.
     *
     * @throws InvalidRequestException if calls are required and there are no tools
     * @throws UnsupportedFeatureException for a schema that cannot be kept
     */
    GrammarMatcher matcher(OutputFormat format, Prompt prompt) {
        ResponseFormat response = parameters.responseFormat();
        boolean json = response != null && response.type() == ResponseFormatType.JSON;
        boolean required = parameters.toolChoice() == ToolChoice.REQUIRED;
        List<ToolSpecification> tools = parameters.offeredTools();
        if (required && tools.isEmpty()) {
            throw new InvalidRequestException("toolChoice (REQUIRED) must come with at least one tool");
        }
        if (!json && !required) {
            return null;
        }
        AnswerGrammar answer = new AnswerGrammar(model.tokenizer(), format.reasoning())
                .reasoning(reasoning(format.reasoning(), prompt))
                .opening(format.toolCalls().answerOpening());
        if (required || !tools.isEmpty() && format.toolCalls() != ToolCallFormat.NONE) {
            answer.calls(format.toolCalls()::grammar, model.template().source(true), schemas(tools));
        }
        if (!required) {
            JsonSchema schema = response.jsonSchema();
            answer.json(JsonSchemas.of(schema == null ? null : schema.rootElement()));
        }
        return model.grammars().matcher(answer.build());
    }

    private Reasoning reasoning(ReasoningFormat format, Prompt prompt) {
        if (format.opensIn(prompt.text())) {
            return Reasoning.OPEN;
        }
        return Boolean.FALSE.equals(parameters.think()) ? Reasoning.CLOSED : Reasoning.ALLOWED;
    }

    private static Map<String, ObjectNode> schemas(List<ToolSpecification> tools) {
        Map<String, ObjectNode> schemas = new LinkedHashMap<>();
        tools.forEach(tool -> schemas.put(tool.name(), JsonSchemas.ofArguments(tool.parameters())));
        return schemas;
    }
}
