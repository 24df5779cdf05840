package dev.langchain4j.model.mlx.jinja.syntax;

import dev.langchain4j.model.mlx.jinja.python.Operators;
import dev.langchain4j.model.mlx.jinja.python.Values;
import dev.langchain4j.model.mlx.jinja.tree.Access;
import dev.langchain4j.model.mlx.jinja.tree.CallArgs;
import dev.langchain4j.model.mlx.jinja.tree.Expr;
import dev.langchain4j.model.mlx.jinja.tree.Literals;
import dev.langchain4j.model.mlx.jinja.tree.Node;
import dev.langchain4j.model.mlx.jinja.tree.Operations;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Parses expressions, from the loosest binding operator to the tightest. */
final class ExpressionParser {

    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    private static final int HEIGHT_MAX = 200;

    private final TokenStream stream;

    ExpressionParser(TokenStream stream) {
        this.stream = stream;
    }

    /** Refuses what would take too much of the thread's stack. */
    static <T extends Node> T checkHeight(T node) {
        if (node.height() > HEIGHT_MAX) {
            throw node.failure(Parser.TOO_DEEP);
        }
        return node;
    }

    Expr expression() {
        stream.enter();
        Expr result = conditional();
        stream.leave();
        return result;
    }

    private Expr conditional() {
        Token at = stream.current();
        Expr result = or();
        while (stream.skipName("if")) {
            Expr test = or();
            Expr otherwise = stream.skipName("else") ? expression() : null;
            result = checkHeight(new Operations.Conditional(at, test, result, otherwise));
            at = stream.current();
        }
        return result;
    }

    Expr or() {
        Expr left = and();
        while (stream.current().isName("or")) {
            Token at = stream.take();
            left = checkHeight(new Operations.Or(at, left, and()));
        }
        return left;
    }

    private Expr and() {
        Expr left = not();
        while (stream.current().isName("and")) {
            Token at = stream.take();
            left = checkHeight(new Operations.And(at, left, not()));
        }
        return left;
    }

    private Expr not() {
        if (stream.current().isName("not")) {
            Token at = stream.take();
            stream.enter();
            Expr operand = not();
            stream.leave();
            return negation(at, operand);
        }
        return compare();
    }

    private static Expr negation(Token at, Expr operand) {
        return new Operations.Unary(at, operand, value -> !Values.truth(value));
    }

    private Expr compare() {
        Token at = stream.current();
        List<Expr> operands = new ArrayList<>(List.of(sum()));
        List<String> operators = new ArrayList<>();
        while (true) {
            Token token = stream.current();
            if (token.type() == Token.Type.OPERATOR && COMPARISONS.contains(token.text())) {
                operators.add(stream.take().text());
            } else if (stream.skipName("in")) {
                operators.add("in");
            } else if (token.isName("not") && stream.look().isName("in")) {
                stream.take();
                stream.take();
                operators.add("not in");
            } else {
                return operators.isEmpty() ? operands.getFirst() : new Operations.Compare(at, operands, operators);
            }
            operands.add(sum());
        }
    }

    private Expr sum() {
        Expr left = concat();
        while (stream.current().isOperator("+") || stream.current().isOperator("-")) {
            Token at = stream.take();
            left = at.isOperator("+")
                    ? new Operations.Binary(at, left, concat(), Operators::add)
                    : new Operations.Binary(at, left, concat(), Operators::subtract);
            checkHeight(left);
        }
        return left;
    }

    private Expr concat() {
        Token at = stream.current();
        List<Expr> parts = new ArrayList<>(List.of(product()));
        while (stream.skipOperator("~")) {
            parts.add(product());
        }
        return parts.size() == 1 ? parts.getFirst() : new Operations.Concat(at, parts);
    }

    private Expr product() {
        Expr left = power();
        while (true) {
            Token at = stream.current();
            if (stream.skipOperator("*")) {
                left = new Operations.Binary(at, left, power(), Operators::multiply);
            } else if (stream.skipOperator("/")) {
                left = new Operations.Binary(at, left, power(), Operators::divide);
            } else if (stream.skipOperator("//")) {
                left = new Operations.Binary(at, left, power(), Operators::floorDivide);
            } else if (stream.skipOperator("%")) {
                left = new Operations.Binary(at, left, power(), Operators::modulo);
            } else {
                return left;
            }
            checkHeight(left);
        }
    }

    private Expr power() {
        Expr left = unary(true);
        while (stream.current().isOperator("**")) {
            Token at = stream.take();
            left = checkHeight(new Operations.Binary(at, left, unary(true), Operators::power));
        }
        return left;
    }

    private Expr unary(boolean withFilter) {
        Token at = stream.current();
        Expr result;
        stream.enter();
        if (stream.skipOperator("-")) {
            result = new Operations.Unary(at, unary(false), Operators::negate);
        } else if (stream.skipOperator("+")) {
            result = new Operations.Unary(at, unary(false), Operators::plus);
        } else {
            result = primary();
        }
        stream.leave();
        result = postfix(result);
        return withFilter ? filtersAndTests(result) : result;
    }

    Expr primary() {
        Token token = stream.current();
        switch (token.type()) {
            case NAME -> {
                stream.take();
                return switch (token.text()) {
                    case "true", "True" -> new Literals.Const(token, true);
                    case "false", "False" -> new Literals.Const(token, false);
                    case "none", "None" -> new Literals.Const(token, null);
                    default -> new Literals.Name(token, token.text());
                };
            }
            case STRING -> {
                StringBuilder text = new StringBuilder();
                while (stream.current().type() == Token.Type.STRING) {
                    text.append(stream.take().text());
                }
                return new Literals.Const(token, text.toString());
            }
            case NUMBER -> {
                stream.take();
                return new Literals.Const(token, token.value());
            }
            default -> {
                if (stream.skipOperator("(")) {
                    Expr result = tuple(true, true, null);
                    stream.expectOperator(")");
                    return result;
                }
                if (token.isOperator("[")) {
                    return list();
                }
                if (token.isOperator("{")) {
                    return dict();
                }
                throw stream.failure("unexpected '" + token.describe() + "'");
            }
        }
    }

    /**
     * An expression, or several with commas between them as a tuple.
     *
     * @param conditional whether {@code a if b} may be at the top
     * @param parenthesized whether parentheses are around it, so that it may be empty
     * @param end a name that ends it, or null
     */
    Expr tuple(boolean conditional, boolean parenthesized, String end) {
        Token at = stream.current();
        List<Expr> items = new ArrayList<>();
        boolean isTuple = false;
        while (true) {
            if (!items.isEmpty()) {
                stream.expectOperator(",");
            }
            if (atTupleEnd(end)) {
                break;
            }
            items.add(conditional ? expression() : or());
            if (!stream.current().isOperator(",")) {
                break;
            }
            isTuple = true;
        }
        if (!isTuple) {
            if (!items.isEmpty()) {
                return items.getFirst();
            }
            if (!parenthesized) {
                throw stream.failure(
                        "Expected an expression, got '" + stream.current().describe() + "'");
            }
        }
        return new Literals.TupleExpr(at, items);
    }

    boolean atTupleEnd(String end) {
        Token token = stream.current();
        return token.type() == Token.Type.VARIABLE_END
                || token.type() == Token.Type.BLOCK_END
                || token.isOperator(")")
                || (end != null && token.isName(end));
    }

    private Expr list() {
        Token at = stream.expectOperator("[");
        List<Expr> items = new ArrayList<>();
        while (!stream.current().isOperator("]")) {
            if (!items.isEmpty()) {
                stream.expectOperator(",");
            }
            if (stream.current().isOperator("]")) {
                break;
            }
            items.add(expression());
        }
        stream.expectOperator("]");
        return new Literals.ListExpr(at, items);
    }

    private Expr dict() {
        Token at = stream.expectOperator("{");
        List<Expr> items = new ArrayList<>();
        while (!stream.current().isOperator("}")) {
            if (!items.isEmpty()) {
                stream.expectOperator(",");
            }
            if (stream.current().isOperator("}")) {
                break;
            }
            items.add(expression());
            stream.expectOperator(":");
            items.add(expression());
        }
        stream.expectOperator("}");
        return new Literals.DictExpr(at, items);
    }

    private Expr postfix(Expr start) {
        Expr result = start;
        while (true) {
            Token token = stream.current();
            if (token.isOperator(".") || token.isOperator("[")) {
                result = checkHeight(subscript(result));
            } else if (token.isOperator("(")) {
                result = checkHeight(new Access.Call(token, result, arguments()));
            } else {
                return result;
            }
        }
    }

    private Expr filtersAndTests(Expr start) {
        Expr result = start;
        while (true) {
            Token token = stream.current();
            if (token.isOperator("|")) {
                result = checkHeight(filter(result, false));
            } else if (token.isName("is")) {
                result = checkHeight(test(result));
            } else if (token.isOperator("(")) {
                result = checkHeight(new Access.Call(token, result, arguments()));
            } else {
                return result;
            }
        }
    }

    private Expr subscript(Expr owner) {
        Token at = stream.take();
        if (at.isOperator(".")) {
            Token name = stream.take();
            if (name.type() == Token.Type.NAME) {
                return new Access.Attribute(name, owner, name.text());
            }
            if (name.type() != Token.Type.NUMBER || name.value() instanceof Double) {
                throw TokenStream.failure("expected name or number", name);
            }
            return new Access.Item(at, owner, new Literals.Const(name, name.value()));
        }
        List<Expr> keys = new ArrayList<>();
        while (!stream.current().isOperator("]")) {
            if (!keys.isEmpty()) {
                stream.expectOperator(",");
            }
            keys.add(subscribed(at, owner));
        }
        stream.expectOperator("]");
        if (keys.size() == 1) {
            return keys.getFirst() instanceof Access.Slice slice ? slice : new Access.Item(at, owner, keys.getFirst());
        }
        if (keys.stream().anyMatch(key -> key instanceof Access.Slice)) {
            throw TokenStream.failure("a slice cannot stand beside other indexes", at);
        }
        return new Access.Item(at, owner, new Literals.TupleExpr(at, keys));
    }

    private Expr subscribed(Token at, Expr owner) {
        Expr start = null;
        if (!stream.skipOperator(":")) {
            start = expression();
            if (!stream.skipOperator(":")) {
                return start;
            }
        }
        Expr stop = sliceEnds() || stream.current().isOperator(":") ? null : expression();
        Expr step = stream.skipOperator(":") && !sliceEnds() ? expression() : null;
        return new Access.Slice(at, owner, start, stop, step);
    }

    private boolean sliceEnds() {
        return stream.current().isOperator("]") || stream.current().isOperator(",");
    }

    private CallArgs arguments() {
        Token at = stream.expectOperator("(");
        List<Expr> positional = new ArrayList<>();
        Map<String, Expr> keywords = new LinkedHashMap<>();
        Expr rest = null;
        Expr keywordRest = null;
        boolean comma = false;
        while (!stream.current().isOperator(")")) {
            if (comma) {
                stream.expectOperator(",");
                if (stream.current().isOperator(")")) {
                    break;
                }
            }
            boolean valid;
            if (stream.skipOperator("*")) {
                valid = rest == null && keywordRest == null;
                rest = expression();
            } else if (stream.skipOperator("**")) {
                valid = keywordRest == null;
                keywordRest = expression();
            } else if (stream.current().type() == Token.Type.NAME
                    && stream.look().isOperator("=")) {
                String name = stream.take().text();
                stream.take();
                valid = keywordRest == null && !keywords.containsKey(name);
                keywords.put(name, expression());
            } else {
                valid = rest == null && keywordRest == null && keywords.isEmpty();
                positional.add(expression());
            }
            if (!valid) {
                throw TokenStream.failure("invalid syntax for function call expression", at);
            }
            comma = true;
        }
        stream.expectOperator(")");
        boolean none = positional.isEmpty() && keywords.isEmpty() && rest == null && keywordRest == null;
        return none ? CallArgs.NONE : new CallArgs(positional, keywords, rest, keywordRest);
    }

    /** The filters that follow; {@code inline} when the first stands without a bar, as in a filter block. */
    Access.FilterExpr filter(Expr value, boolean inline) {
        Expr result = value;
        boolean first = inline;
        while (first || stream.current().isOperator("|")) {
            if (!first) {
                stream.take();
            }
            first = false;
            Token at = stream.current();
            String name = dottedName();
            CallArgs args = stream.current().isOperator("(") ? arguments() : CallArgs.NONE;
            result = checkHeight(new Access.FilterExpr(at, result, name, args));
        }
        return (Access.FilterExpr) result;
    }

    private String dottedName() {
        StringBuilder name = new StringBuilder(stream.expectName().text());
        while (stream.skipOperator(".")) {
            name.append('.').append(stream.expectName().text());
        }
        return name.toString();
    }

    private Expr test(Expr value) {
        Token at = stream.take();
        boolean negated = stream.skipName("not");
        String name = dottedName();
        CallArgs args = CallArgs.NONE;
        if (stream.current().isOperator("(")) {
            args = arguments();
        } else if (startsArgument(stream.current())) {
            if (stream.current().isName("is")) {
                throw stream.failure("You cannot chain multiple tests with is");
            }
            args = new CallArgs(List.of(postfix(primary())), Map.of(), null, null);
        }
        Expr test = new Access.TestExpr(at, value, name, args);
        return negated ? negation(at, test) : test;
    }

    private static boolean startsArgument(Token token) {
        return switch (token.type()) {
            case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
            case STRING, NUMBER -> true;
            default -> token.isOperator("[") || token.isOperator("{");
        };
    }
}
