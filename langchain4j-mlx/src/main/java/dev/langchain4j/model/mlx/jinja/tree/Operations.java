package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Markup;
import dev.langchain4j.model.mlx.jinja.python.Origins;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/** Arithmetic, comparison, logic and the ternary. */
public final class Operations {

    private Operations() {}

    public static final class Unary extends Expr {
        private final Expr operand;
        private final UnaryOperator<Object> operation;

        public Unary(Position at, Expr operand, UnaryOperator<Object> operation) {
            super(at);
            this.operand = operand;
            this.operation = operation;
        }

        @Override
        List<Expr> children() {
            return List.of(operand);
        }

        @Override
        Object eval(Frame frame) {
            frame.render.budget.step();
            try {
                return operation.apply(operand.eval(frame));
            } catch (TemplateException e) {
                throw e.at(line, column);
            }
        }
    }

    private abstract static class OfTwo extends Expr {
        final Expr left;
        final Expr right;

        OfTwo(Position at, Expr left, Expr right) {
            super(at);
            this.left = left;
            this.right = right;
        }

        @Override
        List<Expr> children() {
            return List.of(left, right);
        }
    }

    public static final class Binary extends OfTwo {
        private final BinaryOperator<Object> operation;

        public Binary(Position at, Expr left, Expr right, BinaryOperator<Object> operation) {
            super(at, left, right);
            this.operation = operation;
        }

        @Override
        Object eval(Frame frame) {
            Object a = left.eval(frame);
            Object b = right.eval(frame);
            frame.render.budget.step();
            try {
                Object result = operation.apply(a, b);
                Origins origins = frame.render.origins;
                return origins == null ? result : origins.operated(a, b, result);
            } catch (TemplateException e) {
                throw e.at(line, column);
            }
        }
    }

    public static final class And extends OfTwo {
        public And(Position at, Expr left, Expr right) {
            super(at, left, right);
        }

        @Override
        Object eval(Frame frame) {
            Object a = left.eval(frame);
            frame.render.budget.step();
            return Values.truth(a) ? right.eval(frame) : a;
        }
    }

    public static final class Or extends OfTwo {
        public Or(Position at, Expr left, Expr right) {
            super(at, left, right);
        }

        @Override
        Object eval(Frame frame) {
            Object a = left.eval(frame);
            frame.render.budget.step();
            return Values.truth(a) ? a : right.eval(frame);
        }
    }

    /** The operator {@code ~}: everything becomes a string. */
    public static final class Concat extends Expr {
        private final List<Expr> parts;

        public Concat(Position at, List<Expr> parts) {
            super(at);
            this.parts = parts;
        }

        @Override
        List<Expr> children() {
            return parts;
        }

        @Override
        Object eval(Frame frame) {
            List<Object> values = new ArrayList<>(parts.size());
            boolean markup = false;
            for (Expr part : parts) {
                Object value = part.eval(frame);
                values.add(value);
                frame.render.budget.shared(value);
                markup |= value instanceof Markup;
            }
            markup &= frame.render.autoescape;
            String[] texts = new String[values.size()];
            long length = 0;
            for (int i = 0; i < texts.length; i++) {
                texts[i] = markup ? Markup.escape(values.get(i)) : Repr.str(values.get(i));
                length += texts[i].length();
            }
            frame.render.budget.made(length);
            String text = String.join("", texts);
            Object result = markup ? new Markup(text) : text;
            if (frame.render.origins != null) {
                frame.render.origins.joined(result, values, "");
            }
            return result;
        }
    }

    /** A comparison, chained as in {@code a < b < c}. */
    public static final class Compare extends Expr {
        private final List<Expr> operands;
        private final List<String> operators;

        public Compare(Position at, List<Expr> operands, List<String> operators) {
            super(at);
            this.operands = operands;
            this.operators = operators;
        }

        @Override
        List<Expr> children() {
            return operands;
        }

        @Override
        Object eval(Frame frame) {
            Object left = operands.getFirst().eval(frame);
            for (int i = 0; i < operators.size(); i++) {
                Object right = operands.get(i + 1).eval(frame);
                frame.render.budget.step();
                if (!test(operators.get(i), left, right)) {
                    return false;
                }
                left = right;
            }
            return true;
        }

        private boolean test(String operator, Object left, Object right) {
            try {
                return switch (operator) {
                    case "==" -> Values.equal(left, right);
                    case "!=" -> !Values.equal(left, right);
                    case "in" -> Values.contains(right, left);
                    case "not in" -> !Values.contains(right, left);
                    default -> Values.ordered(left, right, operator);
                };
            } catch (TemplateException e) {
                throw e.at(line, column);
            }
        }
    }

    /** {@code a if test else b}; without else it is undefined. */
    public static final class Conditional extends Expr {
        private final Expr test;
        private final Expr then;
        private final Expr otherwise;
        private final Undefined undefined;

        public Conditional(Position at, Expr test, Expr then, Expr otherwise) {
            super(at);
            this.test = test;
            this.then = then;
            this.otherwise = otherwise;
            this.undefined = Undefined.hint("the inline if-expression on line " + line
                    + " evaluated to false and no else section was defined.");
        }

        @Override
        List<Expr> children() {
            return otherwise == null ? List.of(test, then) : List.of(test, then, otherwise);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            super.bind(scope, true);
        }

        @Override
        Object eval(Frame frame) {
            frame.render.budget.step();
            if (Values.truth(test.eval(frame))) {
                return then.eval(frame);
            }
            return otherwise == null ? undefined : otherwise.eval(frame);
        }
    }
}
