package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar.Reasoning;
import dev.langchain4j.model.mlx.grammar.JsonSchemas;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.prompt.Prompt;

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
     * @throws UnsupportedFeatureException for a schema that cannot be kept
     */
    GrammarMatcher matcher(ReasoningFormat reasoning, Prompt prompt) {
        if (!isJson()) {
            return null;
        }
        return model.grammars().matcher(grammar(reasoning, prompt));
    }

    private Grammar grammar(ReasoningFormat reasoning, Prompt prompt) {
        ResponseFormat format = parameters.responseFormat();
        return new AnswerGrammar(model.tokenizer(), reasoning)
                .reasoning(reasoning(reasoning, prompt))
                .json(JsonSchemas.of(
                        format.jsonSchema() == null ? null : format.jsonSchema().rootElement()))
                .build();
    }

    private Reasoning reasoning(ReasoningFormat format, Prompt prompt) {
        if (format.opensIn(prompt.text())) {
            return Reasoning.OPEN;
        }
        return Boolean.FALSE.equals(parameters.think()) ? Reasoning.CLOSED : Reasoning.ALLOWED;
    }

    /** Checks what can be checked without the prompt. */
    void check() {
        if (isJson() && hasTools()) {
            throw new UnsupportedFeatureException("JSON response format together with tools is not supported");
        }
    }

    private boolean isJson() {
        return parameters.responseFormat() != null
                && parameters.responseFormat().type() == ResponseFormatType.JSON;
    }

    private boolean hasTools() {
        return parameters.toolChoice() != ToolChoice.NONE
                && !parameters.toolSpecifications().isEmpty();
    }
}
