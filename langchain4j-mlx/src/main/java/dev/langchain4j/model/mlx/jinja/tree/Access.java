package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.filters.Filter;
import dev.langchain4j.model.mlx.jinja.filters.Filters;
import dev.langchain4j.model.mlx.jinja.filters.Tests;
import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Attributes;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Method;
import dev.langchain4j.model.mlx.jinja.python.Origins;
import dev.langchain4j.model.mlx.jinja.python.Slices;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.List;

/** Attributes, items, slices, calls, filters and tests. */
public final class Access {

    private Access() {}

    /** {@code owner.name}. */
    public static final class Attribute extends Expr {
        private final Expr owner;
        private final String name;
        /** Whether a dict has a method of this name, which then hides the key. */
        private final boolean dictMember;

        public Attribute(Position at, Expr owner, String name) {
            super(at);
            this.owner = owner;
            this.name = name;
            this.dictMember = Attributes.isDictMember(name);
        }

        @Override
        List<Expr> children() {
            return List.of(owner);
        }

        @Override
        Object eval(Frame frame) {
            frame.render.budget.step();
            return of(owner.eval(frame));
        }

        private Object of(Object object) {
            if (object instanceof Dict dict && !dictMember) {
                Object value = dict.find(name);
                return value == Values.MISSING ? Undefined.member(dict, name) : value;
            }
            try {
                return Attributes.attribute(object, name);
            } catch (TemplateException e) {
                throw e.at(line, column);
            }
        }

        @Override
        Object call(Frame frame, CallArgs arguments) {
            Object object = owner.eval(frame);
            Method method = Attributes.safeMethod(object, name);
            if (method != null) {
                return method.call(frame.render, object, arguments.eval(frame));
            }
            return Attributes.call(of(object), frame.render, arguments.eval(frame));
        }
    }

    /** {@code owner[key]}. */
    public static final class Item extends Expr {
        private final Expr owner;
        private final Expr key;

        public Item(Position at, Expr owner, Expr key) {
            super(at);
            this.owner = owner;
            this.key = key;
        }

        @Override
        List<Expr> children() {
            return List.of(owner, key);
        }

        @Override
        Object eval(Frame frame) {
            Object object = owner.eval(frame);
            Object index = key.eval(frame);
            frame.render.budget.step();
            try {
                Object value = Attributes.item(object, index);
                if (value instanceof Dict dict && dict.traceIndex >= 0) {
                    frame.render.indexed(index, dict.traceIndex);
                }
                return value;
            } catch (TemplateException e) {
                throw e.at(line, column);
            }
        }
    }

    /** {@code owner[start:stop:step]}; parts that are left out are null. */
    public static final class Slice extends Expr {
        private final Expr owner;
        private final Expr start;
        private final Expr stop;
        private final Expr step;
        private boolean folded;

        public Slice(Position at, Expr owner, Expr start, Expr stop, Expr step) {
            super(at);
            this.owner = owner;
            this.start = start;
            this.stop = stop;
            this.step = step;
        }

        @Override
        List<Expr> children() {
            List<Expr> children = new ArrayList<>(List.of(owner));
            for (Expr part : new Expr[] {start, stop, step}) {
                if (part != null) {
                    children.add(part);
                }
            }
            return children;
        }

        /** Part of a constant: Jinja then looks it up as an item, which gives undefined where a slice fails. */
        void fold() {
            folded = true;
        }

        @Override
        Object eval(Frame frame) {
            Object object = owner.eval(frame);
            Object from = start == null ? null : start.eval(frame);
            Object to = stop == null ? null : stop.eval(frame);
            Object by = step == null ? null : step.eval(frame);
            try {
                Object result = Slices.slice(object, from, to, by);
                Origins origins = frame.render.origins;
                return origins == null ? result : origins.sliced(object, from, to, by, result);
            } catch (TemplateException e) {
                if (folded && e.kind() == TemplateException.Kind.TYPE) {
                    return Undefined.member(object, "slice");
                }
                throw e.at(line, column);
            }
        }
    }

    public static final class Call extends Expr {
        private final Expr callee;
        private final CallArgs arguments;

        public Call(Position at, Expr callee, CallArgs arguments) {
            super(at);
            this.callee = callee;
            this.arguments = arguments;
        }

        @Override
        List<Expr> children() {
            List<Expr> children = new ArrayList<>(List.of(callee));
            children.addAll(arguments.children());
            return children;
        }

        @Override
        Object eval(Frame frame) {
            frame.render.budget.steps(3);
            try {
                return callee.call(frame, arguments);
            } catch (TemplateException e) {
                throw e.at(line, column);
            }
        }

        Object evalWithCaller(Frame frame, Macro caller) {
            try {
                Object function = callee.eval(frame);
                return Attributes.call(
                        function, frame.render, arguments.eval(frame).withKeyword("caller", caller));
            } catch (TemplateException e) {
                throw e.at(line, column);
            }
        }
    }

    /** A filter or a test, by its name, with arguments. */
    private abstract static class Named extends Expr {
        /** Null of a filter block. */
        final Expr value;

        private final String kind;
        private final String name;
        private final CallArgs arguments;
        private Filter function;

        Named(Position at, String kind, Expr value, String name, CallArgs arguments) {
            super(at);
            this.kind = kind;
            this.value = value;
            this.name = name;
            this.arguments = arguments;
        }

        abstract Filter find(String functionName);

        @Override
        final List<Expr> children() {
            List<Expr> children = new ArrayList<>();
            if (value != null) {
                children.add(value);
            }
            children.addAll(arguments.children());
            return children;
        }

        @Override
        final void bind(Scope scope, boolean soft) {
            super.bind(scope, soft);
            function = find(name);
            if (function == null && !soft) {
                throw failure("No %s named '%s'.".formatted(kind, name));
            }
        }

        @Override
        final Object eval(Frame frame) {
            return apply(frame, value.eval(frame));
        }

        final Object apply(Frame frame, Object input) {
            frame.render.budget.steps(3);
            try {
                Args args = arguments.eval(frame);
                if (function == null) {
                    throw TemplateException.runtime("No %s named '%s' found.".formatted(kind, name));
                }
                return function.apply(frame.render, input, args);
            } catch (TemplateException e) {
                throw e.at(line, column);
            }
        }
    }

    /** {@code value | name(arguments)}; of a filter block, {@code value} is null and the block's text comes in. */
    public static final class FilterExpr extends Named {
        public FilterExpr(Position at, Expr value, String name, CallArgs arguments) {
            super(at, "filter", value, name, arguments);
        }

        @Override
        Filter find(String functionName) {
            return Filters.find(functionName);
        }

        /** Filters a block's text, through the filters to the left first. */
        Object evalBlock(Frame frame, String text) {
            return apply(frame, value == null ? text : ((FilterExpr) value).evalBlock(frame, text));
        }
    }

    /** {@code value is name(arguments)}. */
    public static final class TestExpr extends Named {
        public TestExpr(Position at, Expr value, String name, CallArgs arguments) {
            super(at, "test", value, name, arguments);
        }

        @Override
        Filter find(String functionName) {
            return Tests.find(functionName);
        }
    }
}
