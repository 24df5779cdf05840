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
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar.Reasoning;
import dev.langchain4j.model.mlx.grammar.JsonSchemas;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.prompt.Prompt;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

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
        Map<String, ObjectNode> calls =
                required || format.toolCalls() != ToolCallFormat.NONE ? schemas(tools) : Map.of();
        ObjectNode value = required ? null : value(response.jsonSchema());
        try {
            return matcher(format, prompt, calls, value);
        } catch (UnsupportedFeatureException | InvalidRequestException e) {
            if (value != null) {
                check(
                        () -> matcher(format, prompt, Map.of(), value),
                        "the response format"
                                + (response.jsonSchema() == null
                                        ? ""
                                        : " '" + response.jsonSchema().name() + "'"));
            }
            if (calls.isEmpty()) {
                throw e;
            }
            return matcher(
                    format, prompt, required ? named(format, prompt, calls) : loose(format, prompt, calls), value);
        }
    }

    /** @param value the schema of an answer that is no call; null if there is none */
    private GrammarMatcher matcher(
            OutputFormat format, Prompt prompt, Map<String, ObjectNode> calls, ObjectNode value) {
        AnswerGrammar answer = new AnswerGrammar(model.tokenizer(), format.reasoning())
                .reasoning(reasoning(format.reasoning(), prompt))
                .opening(format.toolCalls().answerOpening());
        if (!calls.isEmpty()) {
            answer.calls(format.toolCalls()::grammar, model.template().source(true), calls);
        }
        if (value != null) {
            answer.json(value);
        }
        return model.grammars().matcher(answer.build());
    }

    private static ObjectNode value(JsonSchema schema) {
        return JsonSchemas.of(schema == null ? null : schema.rootElement());
    }

    /** Says which of the tools it is whose schema cannot be kept. */
    private Map<String, ObjectNode> named(OutputFormat format, Prompt prompt, Map<String, ObjectNode> calls) {
        calls.forEach((name, schema) ->
                check(() -> matcher(format, prompt, Map.of(name, schema), null), "the tool '" + name + "'"));
        return calls;
    }

    /** Where a call is the model's choice, a schema that cannot be kept is kept as far as it goes. */
    private Map<String, ObjectNode> loose(OutputFormat format, Prompt prompt, Map<String, ObjectNode> calls) {
        Map<String, ObjectNode> loose = new LinkedHashMap<>();
        calls.forEach((name, schema) -> {
            for (ObjectNode candidate : JsonSchemas.loosened(schema)) {
                try (GrammarMatcher kept = matcher(format, prompt, Map.of(name, candidate), null)) {
                    loose.put(name, candidate);
                    return;
                } catch (UnsupportedFeatureException | InvalidRequestException e) {
                    // The next one lets more through; a tool that even the last cannot write is not written.
                }
            }
        });
        return loose;
    }

    private static void check(Supplier<GrammarMatcher> matcher, String whose) {
        try (GrammarMatcher kept = matcher.get()) {
            // It can be kept.
        } catch (UnsupportedFeatureException e) {
            throw new UnsupportedFeatureException(whose + ": " + e.getMessage());
        } catch (InvalidRequestException e) {
            throw new InvalidRequestException(whose + ": " + e.getMessage(), e);
        }
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
