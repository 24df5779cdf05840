package dev.langchain4j.model.mlx.jinja.syntax;

import dev.langchain4j.model.mlx.jinja.tree.Position;

/**
 * A piece of a template's source.
 *
 * @param type what it is; an {@link Type#OPERATOR} is told by its text
 * @param text its characters; of a string literal, unescaped
 * @param value of a number literal, its value
 */
record Token(Type type, String text, Object value, int line, int column) implements Position {

    enum Type {
        DATA,
        VARIABLE_BEGIN,
        VARIABLE_END,
        BLOCK_BEGIN,
        BLOCK_END,
        NAME,
        STRING,
        NUMBER,
        OPERATOR,
        EOF
    }

    boolean is(Type type, String text) {
        return this.type == type && this.text.equals(text);
    }

    boolean isName(String name) {
        return is(Type.NAME, name);
    }

    boolean isOperator(String operator) {
        return is(Type.OPERATOR, operator);
    }

    String describe() {
        return switch (type) {
            case DATA -> "template data";
            case VARIABLE_BEGIN -> "begin of print statement";
            case VARIABLE_END -> "end of print statement";
            case BLOCK_BEGIN -> "begin of statement block";
            case BLOCK_END -> "end of statement block";
            case EOF -> "end of template";
            default -> text;
        };
    }
}
