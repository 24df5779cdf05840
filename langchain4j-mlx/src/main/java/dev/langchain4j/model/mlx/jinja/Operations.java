package dev.langchain4j.model.mlx.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/** Arithmetic, comparison, logic and the ternary. */
final class Operations {

    private Operations() {}

    static final class Unary extends Expr {
        private final Expr operand;
        private final UnaryOperator<Object> operation;

        Unary(Token at, Expr operand, UnaryOperator<Object> operation) {
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

        OfTwo(Token at, Expr left, Expr right) {
            super(at);
            this.left = left;
            this.right = right;
        }

        @Override
        List<Expr> children() {
            return List.of(left, right);
        }
    }

    static final class Binary extends OfTwo {
        private final BinaryOperator<Object> operation;

        Binary(Token at, Expr left, Expr right, BinaryOperator<Object> operation) {
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

    static final class And extends OfTwo {
        And(Token at, Expr left, Expr right) {
            super(at, left, right);
        }

        @Override
        Object eval(Frame frame) {
            Object a = left.eval(frame);
            frame.render.budget.step();
            return Values.truth(a) ? right.eval(frame) : a;
        }
    }

    static final class Or extends OfTwo {
        Or(Token at, Expr left, Expr right) {
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
    static final class Concat extends Expr {
        private final List<Expr> parts;

        Concat(Token at, List<Expr> parts) {
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
    static final class Compare extends Expr {
        private final List<Expr> operands;
        private final List<String> operators;

        Compare(Token at, List<Expr> operands, List<String> operators) {
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
    static final class Conditional extends Expr {
        private final Expr test;
        private final Expr then;
        private final Expr otherwise;
        private final Undefined undefined;

        Conditional(Token at, Expr test, Expr then, Expr otherwise) {
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
