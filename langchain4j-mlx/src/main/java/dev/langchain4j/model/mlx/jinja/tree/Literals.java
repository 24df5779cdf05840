package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Tuple;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.List;

/** Constants, names and displays of lists, tuples and dicts. */
public final class Literals {

    private Literals() {}

    public static final class Const extends Expr {
        final Object value;

        public Const(Position at, Object value) {
            super(at);
            this.value = value;
        }

        @Override
        List<Node> children() {
            return List.of();
        }

        @Override
        Object eval(Frame frame) {
            return value;
        }
    }

    /** A variable that is read. */
    public static final class Name extends Expr {
        final String name;
        private final Undefined undefined;
        private int hops;
        private int slot;

        public Name(Position at, String name) {
            super(at);
            this.name = name;
            this.undefined = Undefined.variable(name);
        }

        @Override
        List<Node> children() {
            return List.of();
        }

        @Override
        void declare(Scope scope) {
            scope.load(name);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            scope.load(name);
            Scope.Variable variable = scope.find(name);
            hops = scope.activation.depth - variable.activation().depth;
            slot = variable.slot();
        }

        @Override
        Object eval(Frame frame) {
            Object value = frame.outer(hops).slots[slot];
            return value == Values.MISSING ? undefined : value;
        }
    }

    private abstract static class Display extends Expr {
        final List<Expr> items;

        Display(Position at, List<Expr> items) {
            super(at);
            this.items = items;
        }

        @Override
        final List<Expr> children() {
            return items;
        }

        static Object element(Frame frame, Expr item) {
            Object value = item.eval(frame);
            frame.render.budget.elements(1);
            frame.render.budget.shared(value);
            return value;
        }
    }

    public static final class ListExpr extends Display {
        public ListExpr(Position at, List<Expr> items) {
            super(at, items);
        }

        @Override
        Object eval(Frame frame) {
            List<Object> result = new ArrayList<>(items.size());
            for (Expr item : items) {
                result.add(element(frame, item));
            }
            return result;
        }
    }

    public static final class TupleExpr extends Display {
        public TupleExpr(Position at, List<Expr> items) {
            super(at, items);
        }

        @Override
        Object eval(Frame frame) {
            Object[] result = new Object[items.size()];
            for (int i = 0; i < result.length; i++) {
                result[i] = element(frame, items.get(i));
            }
            return new Tuple(result);
        }
    }

    /** A dict display; keys and values alternate in {@code items}. */
    public static final class DictExpr extends Display {
        public DictExpr(Position at, List<Expr> items) {
            super(at, items);
        }

        @Override
        Object eval(Frame frame) {
            Dict result = new Dict();
            for (int i = 0; i < items.size(); i += 2) {
                frame.render.budget.entry();
                Object key = element(frame, items.get(i));
                result.set(key, element(frame, items.get(i + 1)));
            }
            return result;
        }
    }
}
