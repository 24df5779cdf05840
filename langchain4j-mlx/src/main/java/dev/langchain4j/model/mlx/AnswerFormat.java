package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.Grammar;
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
        Reasoning reasoning = reasoning(format.reasoning(), prompt);
        try {
            return matcher(model, format, reasoning, calls, value);
        } catch (LangChain4jException e) {
            if (!Failures.isRefusal(e)) {
                throw e;
            }
            if (value != null) {
                check(
                        () -> matcher(model, format, reasoning, Map.of(), value),
                        "the response format"
                                + (response.jsonSchema() == null
                                        ? ""
                                        : " '" + response.jsonSchema().name() + "'"));
            }
            if (calls.isEmpty()) {
                throw e;
            }
            Map<String, ObjectNode> kept =
                    required ? named(format, reasoning, calls) : loose(model, format, reasoning, calls);
            return matcher(model, format, reasoning, kept, value);
        }
    }

    /** The grammar of one or more calls and nothing else, with schemas kept as far as they can be. */
    static Grammar calls(MlxModel model, OutputFormat format, List<ToolSpecification> tools) {
        Map<String, ObjectNode> all = schemas(tools);
        try {
            Grammar exact = grammar(model, format, Reasoning.CLOSED, all, null);
            model.grammars().beginning(exact);
            return exact;
        } catch (LangChain4jException e) {
            if (!Failures.isRefusal(e)) {
                throw e;
            }
            Map<String, ObjectNode> loose = loose(model, format, Reasoning.CLOSED, all);
            if (loose.isEmpty()) {
                throw e;
            }
            return grammar(model, format, Reasoning.CLOSED, loose, null);
        }
    }

    private static GrammarMatcher matcher(
            MlxModel model, OutputFormat format, Reasoning reasoning, Map<String, ObjectNode> calls, ObjectNode value) {
        return model.grammars().matcher(grammar(model, format, reasoning, calls, value));
    }

    /** @param value the schema of an answer that is no call; null if there is none */
    private static Grammar grammar(
            MlxModel model, OutputFormat format, Reasoning reasoning, Map<String, ObjectNode> calls, ObjectNode value) {
        AnswerGrammar answer = new AnswerGrammar(model.tokenizer(), format.reasoning())
                .reasoning(reasoning)
                .opening(format.toolCalls().answerOpening());
        if (!calls.isEmpty()) {
            answer.calls(format.toolCalls()::grammar, model.template().source(true), calls);
        }
        if (value != null) {
            answer.json(value);
        }
        return answer.build();
    }

    private static ObjectNode value(JsonSchema schema) {
        return JsonSchemas.of(schema == null ? null : schema.rootElement());
    }

    /** Says which of the tools it is whose schema cannot be kept. */
    private Map<String, ObjectNode> named(OutputFormat format, Reasoning reasoning, Map<String, ObjectNode> calls) {
        calls.forEach((name, schema) ->
                check(() -> matcher(model, format, reasoning, Map.of(name, schema), null), "the tool '" + name + "'"));
        return calls;
    }

    /** Where a call is the model's choice, a schema that cannot be kept is kept as far as it goes. */
    private static Map<String, ObjectNode> loose(
            MlxModel model, OutputFormat format, Reasoning reasoning, Map<String, ObjectNode> calls) {
        Map<String, ObjectNode> loose = new LinkedHashMap<>();
        calls.forEach((name, schema) -> {
            for (ObjectNode candidate : JsonSchemas.loosened(schema)) {
                try {
                    model.grammars().beginning(grammar(model, format, reasoning, Map.of(name, candidate), null));
                    loose.put(name, candidate);
                    return;
                } catch (LangChain4jException e) {
                    if (!Failures.isRefusal(e)) {
                        throw e;
                    }
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
