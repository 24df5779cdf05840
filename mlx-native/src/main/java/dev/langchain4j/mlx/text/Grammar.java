package dev.langchain4j.mlx.text;

import java.util.Objects;

/**
 * What a text must look like, not yet compiled.
 *
 * @param kind the language that it is written in
 * @param text the grammar itself
 */
public record Grammar(Kind kind, String text) {
    /** Languages of grammars, as llguidance documents them. */
    public enum Kind {
        /** A JSON schema: the text is one JSON value that conforms to it. */
        JSON_SCHEMA("json_schema"),
        /** A regular expression in Rust's syntax: it matches the whole text. */
        REGEX("regex"),
        /** A context-free grammar in llguidance's dialect of Lark; {@code <name>} stands for a special token. */
        LARK("lark"),
        /** llguidance's JSON list of grammars, or Lark. */
        LLGUIDANCE("llguidance");

        final String tag;

        Kind(String tag) {
            this.tag = tag;
        }
    }

    /** Makes one; neither part may be null. */
    public Grammar {
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(text, "text");
    }

    /** A grammar of kind {@link Kind#JSON_SCHEMA}. */
    public static Grammar jsonSchema(String schema) {
        return new Grammar(Kind.JSON_SCHEMA, schema);
    }

    /** A grammar of kind {@link Kind#REGEX}. */
    public static Grammar regex(String regex) {
        return new Grammar(Kind.REGEX, regex);
    }

    /** A grammar of kind {@link Kind#LARK}. */
    public static Grammar lark(String lark) {
        return new Grammar(Kind.LARK, lark);
    }
}
