package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.text.Encoding;
import dev.langchain4j.mlx.text.Tokenizer;

/**
 * Writes a grammar in llguidance's dialect of Lark. Methods give expressions; rules they need are collected. Source:
 * llguidance's docs/syntax.md.
 */
final class Lark {
    /** Between the parts of a JSON value: nothing, a space, or a new line with its indentation. A model cannot dawdle. */
    private static final String WHITESPACE = " |\\r?\\n[ \\t]{0,40}";

    /**
     * Letters that may follow a backslash. Not {@code u}: text needs no such escapes, and with them one name could be
     * written in two ways and so come twice.
     */
    private static final String ESCAPES = "nrbtf\"\\";

    private final Tokenizer tokenizer;
    private final StringBuilder rules = new StringBuilder();
    private int count;

    Lark(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** Exactly this text; names of special tokens in it stand for those tokens. */
    String text(String text) {
        if (text.isEmpty()) {
            return "";
        }
        StringBuilder expression = new StringBuilder("(");
        Encoding encoding = tokenizer.encodeWithOffsets(text, false);
        int from = 0;
        for (int i = 0; i < encoding.size(); i++) {
            int id = encoding.id(i);
            if (isMarker(id)) {
                int at = text.indexOf(tokenizer.token(id).orElseThrow(), from);
                if (at > from) {
                    expression.append(quoted(text.substring(from, at))).append(' ');
                }
                expression.append("<[").append(id).append("]> ");
                from = at + tokenizer.token(id).orElseThrow().length();
            }
        }
        if (from < text.length()) {
            expression.append(quoted(text.substring(from)));
        }
        return expression.append(')').toString();
    }

    /** Whether the grammar compiler takes a token for one that no text can spell. */
    private boolean isMarker(int id) {
        if (!tokenizer.isAdded(id)) {
            return false;
        }
        String name = tokenizer.token(id).orElse("");
        return tokenizer.isSpecial(id) || name.startsWith("<") && name.endsWith(">");
    }

    /** Any text up to this marker, and the marker. */
    String until(String marker) {
        String end = text(marker);
        return end.contains("<[") ? "(/(?s:.+)/? " + end + ")" : rule("[suffix=" + quoted(marker) + "]", "/(?s:.*)/");
    }

    /** A JSON value of this schema, which has gone through {@link SchemaRewriter#forGrammar}. */
    String json(ObjectNode schema) {
        ObjectNode document = JsonNodeFactory.instance.objectNode();
        boolean controls = schema.toString().contains("\\u00");
        document.putObject("x-guidance")
                .put("whitespace_pattern", WHITESPACE)
                .put("json_allowed_escapes", controls ? ESCAPES + "u" : ESCAPES);
        document.setAll(schema);
        return rule("", "%json " + document);
    }

    /** A name for an expression that is defined later, so that it can contain itself. */
    String reserve() {
        return "r" + count++;
    }

    /** Says what a reserved name stands for. */
    void define(String name, String expression) {
        rules.append(name).append(": ").append(expression).append('\n');
    }

    /**
     * Names an expression.
     *
     * @param options what stands behind the name, such as {@code [suffix="..."]}; empty for nothing
     */
    String rule(String options, String expression) {
        String name = reserve();
        define(name + options, expression);
        return name;
    }

    /** The grammar. */
    String start(String expression) {
        return "start: " + expression + "\n" + rules;
    }

    static String quoted(String text) {
        return '"' + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + '"';
    }
}
