package dev.langchain4j.model.mlx.jinja.syntax;

import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.tree.Access;
import dev.langchain4j.model.mlx.jinja.tree.Expr;
import dev.langchain4j.model.mlx.jinja.tree.ForLoop;
import dev.langchain4j.model.mlx.jinja.tree.Literals;
import dev.langchain4j.model.mlx.jinja.tree.Macro;
import dev.langchain4j.model.mlx.jinja.tree.Node;
import dev.langchain4j.model.mlx.jinja.tree.Statements;
import dev.langchain4j.model.mlx.jinja.tree.Stmt;
import dev.langchain4j.model.mlx.jinja.tree.Target;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Parses the statements of a template. */
public final class Parser {

    public static final String TOO_DEEP = "the template is nested too deeply";

    private final TokenStream stream;
    private final ExpressionParser expressions;
    private final Set<String> blocks = new HashSet<>();
    private int loops;

    private Parser(TokenStream stream) {
        this.stream = stream;
        this.expressions = new ExpressionParser(stream);
    }

    public static List<Stmt> parse(String source) {
        Parser parser = new Parser(new TokenStream(Lexer.tokenize(source)));
        List<Stmt> statements = parser.statements(Set.of());
        statements.forEach(ExpressionParser::checkHeight);
        return statements;
    }

    /** Statements up to a tag of the given names, whose name is then the current token; without names, to the end. */
    private List<Stmt> statements(Set<String> ends) {
        List<Stmt> result = new ArrayList<>();
        while (true) {
            Token token = stream.take();
            switch (token.type()) {
                case DATA -> result.add(new Statements.Text(token, token.text()));
                case VARIABLE_BEGIN -> {
                    result.add(new Statements.Print(token, expressions.tuple(true, false, null)));
                    stream.expect(Token.Type.VARIABLE_END, "end of print statement");
                }
                case BLOCK_BEGIN -> {
                    if (stream.current().type() == Token.Type.NAME
                            && ends.contains(stream.current().text())) {
                        return result;
                    }
                    statement(ends, result);
                    stream.expect(Token.Type.BLOCK_END, "end of statement block");
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw TokenStream.failure("Unexpected end of template; expected one of " + ends, token);
                    }
                    return result;
                }
            }
        }
    }

    /** A body: the end of the tag that opens it, and statements up to one of the given tags. */
    private List<Stmt> body(String... ends) {
        stream.skipOperator(":");
        stream.expect(Token.Type.BLOCK_END, "end of statement block");
        stream.enter();
        List<Stmt> body = statements(Set.of(ends));
        stream.leave();
        return body;
    }

    private List<Stmt> bodyToEnd(String end) {
        List<Stmt> body = body(end);
        stream.take();
        return body;
    }

    /** A body that is a function of its own, where loops outside cannot be left. */
    private List<Stmt> functionBody(String end) {
        int outer = loops;
        loops = 0;
        List<Stmt> body = bodyToEnd(end);
        loops = outer;
        return body;
    }

    private void statement(Set<String> ends, List<Stmt> result) {
        Token at = stream.expect(Token.Type.NAME, "tag name");
        switch (at.text()) {
            case "for" -> result.add(forLoop(at));
            case "if" -> result.add(ifStatement(at));
            case "set" -> result.add(set(at));
            case "macro" -> result.add(macro(at));
            case "call" -> result.add(call(at));
            case "filter" ->
                result.add(new Statements.FilterBlock(at, expressions.filter(null, true), bodyToEnd("endfilter")));
            case "with" -> result.add(with(at));
            case "autoescape" -> {
                Expr option = expressions.expression();
                result.add(new Statements.Scoped(at, option, bodyToEnd("endautoescape")));
            }
            case "generation" -> result.add(new Statements.Scoped(at, null, functionBody("endgeneration")));
            case "block" -> result.add(block(at));
            case "print" -> print(at, result);
            case "break", "continue" -> {
                if (loops == 0) {
                    throw TokenStream.failure("'" + at.text() + "' outside loop", at);
                }
                Stmt.Signal signal = at.text().equals("break") ? Stmt.Signal.BREAK : Stmt.Signal.CONTINUE;
                result.add(new Statements.Jump(at, signal));
            }
            case "include", "import", "from", "extends" -> result.add(otherTemplate(at));
            default ->
                throw TokenStream.failure(
                        "Encountered unknown tag '" + at.text() + "'."
                                + (ends.isEmpty() ? "" : " Expected one of " + ends),
                        at);
        }
    }

    private Stmt forLoop(Token at) {
        Target target = target(false);
        stream.expectName("in");
        Expr iterable = expressions.tuple(false, false, "recursive");
        Expr test = stream.skipName("if") ? expressions.expression() : null;
        boolean recursive = stream.skipName("recursive");
        loops++;
        List<Stmt> body = body("endfor", "else");
        loops--;
        List<Stmt> otherwise = stream.take().isName("endfor") ? List.of() : bodyToEnd("endfor");
        return new ForLoop(at, target, iterable, test, recursive, body, otherwise);
    }

    private Stmt ifStatement(Token at) {
        List<Expr> tests = new ArrayList<>();
        List<List<Stmt>> bodies = new ArrayList<>();
        while (true) {
            tests.add(expressions.tuple(false, false, null));
            bodies.add(body("elif", "else", "endif"));
            Token tag = stream.take();
            if (tag.isName("else")) {
                bodies.add(bodyToEnd("endif"));
                return new Statements.If(at, tests, bodies);
            }
            if (tag.isName("endif")) {
                bodies.add(List.of());
                return new Statements.If(at, tests, bodies);
            }
        }
    }

    private Stmt set(Token at) {
        Target target = target(true);
        if (stream.skipOperator("=")) {
            return new Statements.Set(at, target, expressions.tuple(true, false, null));
        }
        Access.FilterExpr filter = stream.current().isOperator("|") ? expressions.filter(null, false) : null;
        return new Statements.SetBlock(at, target, filter, bodyToEnd("endset"));
    }

    private Stmt macro(Token at) {
        Target.Variable name = variable();
        Macro.Definition definition = signature(name.name, "endmacro");
        return new Macro.MacroStmt(at, name, definition);
    }

    private Macro.Definition signature(String name, String end) {
        List<Target.Variable> parameters = new ArrayList<>();
        List<Expr> defaults = new ArrayList<>();
        parameters(parameters, defaults);
        return new Macro.Definition(name, parameters, defaults, functionBody(end));
    }

    private void parameters(List<Target.Variable> parameters, List<Expr> defaults) {
        stream.expectOperator("(");
        while (!stream.current().isOperator(")")) {
            if (!parameters.isEmpty()) {
                stream.expectOperator(",");
            }
            Target.Variable parameter = variable();
            if (stream.skipOperator("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw stream.failure("non-default argument follows default argument");
            }
            Budget.current().steps(parameters.size());
            if (parameters.stream().anyMatch(other -> other.name.equals(parameter.name))) {
                throw stream.failure("duplicate argument '" + parameter.name + "' in macro definition");
            }
            parameters.add(parameter);
        }
        stream.expectOperator(")");
    }

    private Stmt call(Token at) {
        List<Target.Variable> parameters = new ArrayList<>();
        List<Expr> defaults = new ArrayList<>();
        if (stream.current().isOperator("(")) {
            parameters(parameters, defaults);
        }
        if (!(expressions.expression() instanceof Access.Call call)) {
            throw TokenStream.failure("expected call", at);
        }
        return new Macro.CallBlock(at, call, new Macro.Definition(null, parameters, defaults, functionBody("endcall")));
    }

    private Stmt with(Token at) {
        List<Target> targets = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (stream.current().type() != Token.Type.BLOCK_END) {
            if (!targets.isEmpty()) {
                stream.expectOperator(",");
            }
            targets.add(target(false));
            stream.expectOperator("=");
            values.add(expressions.expression());
        }
        return new Statements.With(at, targets, values, bodyToEnd("endwith"));
    }

    private Stmt block(Token at) {
        String name = stream.expectName().text();
        if (!blocks.add(name)) {
            throw TokenStream.failure("block '" + name + "' defined twice", at);
        }
        stream.skipName("scoped");
        boolean required = stream.skipName("required");
        List<Stmt> body = functionBody("endblock");
        boolean blank = body.stream().allMatch(part -> part instanceof Statements.Text text && text.isBlank());
        if (required && !blank) {
            throw TokenStream.failure("Required blocks can only contain comments or whitespace", at);
        }
        stream.skipName(name);
        return new Statements.NamedBlock(at, body);
    }

    private void print(Token at, List<Stmt> result) {
        boolean first = true;
        while (stream.current().type() != Token.Type.BLOCK_END) {
            if (!first) {
                stream.expectOperator(",");
            }
            first = false;
            result.add(new Statements.Print(at, expressions.expression()));
        }
    }

    /** Reads a statement that refers to another template as far as its names matter. */
    private Stmt otherTemplate(Token at) {
        List<Node> parts = new ArrayList<>(List.of(expressions.expression()));
        if (at.text().equals("import")) {
            stream.expectName("as");
            parts.add(variable());
        } else if (at.text().equals("from")) {
            stream.expectName("import");
            do {
                Target.Variable name = variable();
                parts.add(stream.skipName("as") ? variable() : name);
            } while (stream.skipOperator(","));
        } else if (stream.skipName("ignore")) {
            stream.expectName("missing");
        }
        if (stream.skipName("with") || stream.skipName("without")) {
            stream.expectName("context");
        }
        return new Statements.OtherTemplate(at, parts);
    }

    private Target.Variable variable() {
        return variable(stream.expectName());
    }

    private static Target.Variable variable(Token name) {
        if (Set.of("true", "True", "false", "False", "none", "None").contains(name.text())) {
            throw TokenStream.failure("can't assign to '" + name.text() + "'", name);
        }
        return new Target.Variable(name, name.text());
    }

    /**
     * What is assigned to: names, with commas between them; namespaces' attributes where allowed. As in Jinja, a comma
     * at the end is for parentheses only.
     */
    private Target target(boolean attributes) {
        Token at = stream.current();
        List<Target> targets = new ArrayList<>();
        boolean several = false;
        while (!expressions.atTupleEnd(null)) {
            targets.add(singleTarget(attributes));
            if (!stream.skipOperator(",")) {
                break;
            }
            several = true;
        }
        if (targets.isEmpty()) {
            throw stream.failure(
                    "Expected an expression, got '" + stream.current().describe() + "'");
        }
        return several ? new Target.Several(at, targets) : targets.getFirst();
    }

    private Target singleTarget(boolean attributes) {
        if (stream.skipOperator("(")) {
            Target inner = target(false);
            stream.expectOperator(")");
            return inner;
        }
        Token name = stream.expectName();
        if (attributes && stream.skipOperator(".")) {
            String attribute = stream.expectName().text();
            return new Target.NamespaceAttribute(name, new Literals.Name(name, name.text()), attribute);
        }
        return variable(name);
    }
}
