package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.text.Encoding;
import dev.langchain4j.mlx.text.Tokenizer;
import java.util.List;

/**
 * Writes a grammar in llguidance's dialect of Lark. Methods give expressions; rules they need are collected. Source:
 * llguidance's docs/syntax.md.
 */
final class Lark {
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

    /**
     * Text and the marker that ends it.
     *
     * @param forbidden what the text does not spell
     * @param other a regular expression of what the whole text is not; empty for nothing
     * @param least number of characters
     * @param most number of characters; -1 for any
     */
    String freeText(String end, List<String> forbidden, String other, int least, int most) {
        boolean unbounded = least == 0 && most < 0;
        StringBuilder inner =
                new StringBuilder(unbounded ? "/(?s:.*)/" : "/(?s:.){" + least + "," + (most < 0 ? "" : most) + "}/");
        List<String> spelled = forbidden.stream()
                .filter(tag -> !text(tag).contains("<["))
                .map(Lark::escaped)
                .toList();
        if (!spelled.isEmpty()) {
            inner.append(" & ~/(?s:.*)(").append(String.join("|", spelled)).append(")(?s:.*)/");
        }
        if (!other.isEmpty()) {
            inner.append(" & ~/").append(other).append('/');
        }
        boolean some = literalPart(end).isEmpty();
        // A terminal has characters: no text at all is none of it.
        return some && least == 0
                ? terminal(inner + " & /(?s:.+)/") + "? " + text(end)
                : ended(terminal(inner.toString()), end);
    }

    /** What a terminal names, and the marker that ends it: one terminal with as much of the marker as is text. */
    String ended(String expression, String end) {
        String literal = literalPart(end);
        return literal.isEmpty()
                ? terminal(expression) + " " + text(end)
                : terminal(expression + " " + quoted(literal)) + " " + text(end.substring(literal.length()));
    }

    /** What of a marker is text, up to its first token. */
    private String literalPart(String end) {
        String markers = text(end);
        int token = markers.indexOf("<[");
        if (token < 0) {
            return end;
        }
        int id = Integer.parseInt(markers.substring(token + 2, markers.indexOf(']', token)));
        return end.substring(0, end.indexOf(tokenizer.token(id).orElseThrow()));
    }

    private String terminal(String expression) {
        String name = "T" + count++;
        define(name, expression);
        return name;
    }

    /** A regular expression of exactly this text. */
    private static String escaped(String text) {
        StringBuilder regex = new StringBuilder();
        for (char c : text.toCharArray()) {
            regex.append("\\.+*?()|[]{}^$/".indexOf(c) >= 0 ? "\\" : "").append(c == '\n' ? "\\n" : String.valueOf(c));
        }
        return regex.toString();
    }

    /** A JSON value of this schema, which has gone through {@link SchemaRewriter#forGrammar}. */
    String json(ObjectNode schema) {
        ObjectNode document = JsonNodeFactory.instance.objectNode();
        boolean controls = schema.toString().contains("\\u00");
        document.putObject("x-guidance")
                // White space costs tokens and says nothing; but for a space where models learned to write one.
                .put("whitespace_flexible", false)
                .put("key_separator", ": ?")
                .put("item_separator", ", ?")
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
