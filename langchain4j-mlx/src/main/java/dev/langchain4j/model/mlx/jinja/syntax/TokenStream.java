package dev.langchain4j.model.mlx.jinja.syntax;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.util.List;

/** The tokens of a template, read from left to right. */
final class TokenStream {

    private static final int DEPTH_MAX = 100;

    private final List<Token> tokens;
    private int next;
    private int depth;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    /** Goes into a part of a part; {@link #leave} comes back. */
    void enter() {
        if (++depth > DEPTH_MAX) {
            throw failure(Parser.TOO_DEEP);
        }
    }

    void leave() {
        depth--;
    }

    Token current() {
        return tokens.get(next);
    }

    Token look() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    Token take() {
        Token token = current();
        if (token.type() != Token.Type.EOF) {
            next++;
        }
        return token;
    }

    boolean skipName(String name) {
        boolean found = current().isName(name);
        if (found) {
            take();
        }
        return found;
    }

    boolean skipOperator(String operator) {
        boolean found = current().isOperator(operator);
        if (found) {
            take();
        }
        return found;
    }

    Token expect(Token.Type type, String what) {
        if (current().type() != type) {
            throw failure("expected token '" + what + "', got '" + current().describe() + "'");
        }
        return take();
    }

    Token expectName() {
        return expect(Token.Type.NAME, "name");
    }

    Token expectName(String name) {
        if (!current().isName(name)) {
            throw failure("expected token '" + name + "', got '" + current().describe() + "'");
        }
        return take();
    }

    Token expectOperator(String operator) {
        if (!current().isOperator(operator)) {
            throw failure("expected token '" + operator + "', got '" + current().describe() + "'");
        }
        return take();
    }

    TemplateException failure(String message) {
        return failure(message, current());
    }

    static TemplateException failure(String message, Token at) {
        return new TemplateException(TemplateException.Kind.SYNTAX, message, at.line(), at.column());
    }
}
