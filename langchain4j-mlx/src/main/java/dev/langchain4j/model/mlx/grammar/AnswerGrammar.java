package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.function.Function;

/**
 * Puts together what a whole answer must look like: reasoning, if the model reasons, then a JSON value, tool calls, or
 * either of them.
 */
public final class AnswerGrammar {
    private static final String GAP = "/[ \\r\\n\\t]{1,8}/?";

    private final Lark lark;
    private final ReasoningFormat reasoning;
    private Reasoning where = Reasoning.CLOSED;
    private ObjectNode json;
    private String opening = "";
    private String calls;

    /** What an answer may begin with. */
    public enum Reasoning {
        /** The prompt opened the reasoning; the answer goes on inside of it. */
        OPEN,
        /** The model may open it. */
        ALLOWED,
        /** Nothing but the answer. */
        CLOSED
    }

    /**
     * Starts from a model's tokenizer, which tells markers that are tokens from those that are text, and its format.
     */
    public AnswerGrammar(Tokenizer tokenizer, ReasoningFormat reasoning) {
        this.lark = new Lark(tokenizer);
        this.reasoning = reasoning;
    }

    /** Where the reasoning stands at the end of the prompt. Default: closed. */
    public AnswerGrammar reasoning(Reasoning state) {
        where = reasoning == ReasoningFormat.NONE ? Reasoning.CLOSED : state;
        return this;
    }

    /** What the model writes before an answer that is no call. Default: nothing. */
    public AnswerGrammar opening(String text) {
        opening = text;
        return this;
    }

    /** Allows an answer that is a JSON value of this schema. */
    public AnswerGrammar json(ObjectNode schema) {
        json = schema;
        return this;
    }

    /**
     * Allows an answer of one or more tool calls.
     *
     * @param format writes the expression for them
     * @param template its chat template, which tells variants of a format apart
     * @param tools by name, with the schema of their arguments, which is an object
     * @throws UnsupportedFeatureException if the format cannot express the schemas
     */
    public AnswerGrammar calls(Function<CallGrammar, String> format, String template, Map<String, ObjectNode> tools) {
        calls = format.apply(new CallGrammar(lark, template, tools));
        return this;
    }

    /**
     * The grammar.
     *
     * @throws UnsupportedFeatureException naming what cannot be kept
     */
    public Grammar build() {
        if (json == null) {
            return Grammar.lark(lark.start(thinking() + calls));
        }
        String value = lark.json(SchemaRewriter.forGrammar(json, "#"));
        String answer = reasoning == ReasoningFormat.HARMONY
                ? lark.text("<|channel|>final<|message|>") + " " + value
                : wrapper(0) + lark.text(opening) + " " + value + wrapper(1);
        return Grammar.lark(lark.start(thinking() + (calls == null ? answer : "(" + calls + " | " + answer + ")")));
    }

    private String thinking() {
        if (where == Reasoning.CLOSED) {
            return "";
        }
        String rest = lark.until(reasoning.close()) + " ";
        rest += reasoning == ReasoningFormat.HARMONY ? lark.text("<|start|>assistant") + " " : GAP + " ";
        return where == Reasoning.OPEN ? rest : "(" + lark.text(reasoning.open()) + " " + rest + ")? ";
    }

    /** Markers that the model may put before (0) or after (1) its answer. */
    private String wrapper(int side) {
        List<String> markers = reasoning.ignored();
        StringJoiner options = new StringJoiner(" | ", " (", ")? ");
        for (int i = side; i < markers.size(); i += 2) {
            options.add(lark.text(markers.get(i)));
        }
        return markers.isEmpty() ? "" : options.toString();
    }
}
