package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Namespace;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.Iterator;
import java.util.List;

/** What a value is assigned to. */
public abstract class Target extends Expr {

    Target(Position at) {
        super(at);
    }

    abstract void assign(Frame frame, Object value);

    /** Notes the names as parameters of a scope, which its owner sets. */
    abstract void declareParameters(Scope scope);

    /** Makes it a parameter: of a macro, of a call block, or of {@code with}. */
    void asParameter() {}

    /** The same target with slots of its own. */
    abstract Target copy();

    /** Checks what can be checked before the value is computed. */
    void check(Frame frame) {}

    /** Makes names of the template's top level visible to its blocks. */
    void export(Frame frame) {}

    @Override
    Object eval(Frame frame) {
        throw new AssertionError("a target has no value");
    }

    public static final class Variable extends Target {
        public final String name;
        /** Whether it is a parameter, not something that a statement sets. */
        boolean parameter;

        private int slot;

        public Variable(Position at, String name) {
            super(at);
            this.name = name;
        }

        @Override
        List<Node> children() {
            return List.of();
        }

        @Override
        Target copy() {
            return new Variable(this, name);
        }

        @Override
        void asParameter() {
            parameter = true;
        }

        @Override
        void declare(Scope scope) {
            scope.store(name);
        }

        @Override
        void declareParameters(Scope scope) {
            scope.parameter(name);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            slot = scope.find(name).slot();
        }

        @Override
        void assign(Frame frame, Object value) {
            frame.slots[slot] = value;
        }

        @Override
        void export(Frame frame) {
            frame.render.export(name, frame.slots[slot]);
        }
    }

    /** {@code namespace.name}. */
    public static final class NamespaceAttribute extends Target {
        private final Literals.Name namespace;
        private final String name;

        public NamespaceAttribute(Position at, Literals.Name namespace, String name) {
            super(at);
            this.namespace = namespace;
            this.name = name;
        }

        @Override
        List<Expr> children() {
            return List.of(namespace);
        }

        @Override
        Target copy() {
            return this;
        }

        @Override
        void declareParameters(Scope scope) {
            throw failure("can't assign to an attribute here");
        }

        @Override
        void check(Frame frame) {
            if (!(namespace.eval(frame) instanceof Namespace)) {
                throw TemplateException.runtime("cannot assign attribute on non-namespace object")
                        .at(line, column);
            }
        }

        @Override
        void assign(Frame frame, Object value) {
            check(frame);
            Namespace owner = (Namespace) namespace.eval(frame);
            Object before = owner.set(name, value);
            frame.render.budget.assigned(before, value, frame.render.isAtTop());
        }
    }

    /** Several targets that an iterable is unpacked into. */
    public static final class Several extends Target {
        private final List<Target> targets;

        public Several(Position at, List<Target> targets) {
            super(at);
            this.targets = targets;
        }

        @Override
        List<Target> children() {
            return targets;
        }

        @Override
        Target copy() {
            return new Several(this, targets.stream().map(Target::copy).toList());
        }

        @Override
        void declareParameters(Scope scope) {
            targets.forEach(target -> target.declareParameters(scope));
        }

        @Override
        void check(Frame frame) {
            targets.forEach(target -> target.check(frame));
        }

        @Override
        void export(Frame frame) {
            targets.forEach(target -> target.export(frame));
        }

        @Override
        void assign(Frame frame, Object value) {
            if (!Values.isIterable(value)) {
                throw TemplateException.type("cannot unpack non-iterable " + Values.typeName(value) + " object");
            }
            Object[] values = new Object[targets.size()];
            Iterator<Object> items = Values.iterate(value);
            for (int i = 0; i < values.length; i++) {
                if (!items.hasNext()) {
                    throw TemplateException.value(
                            "not enough values to unpack (expected " + values.length + ", got " + i + ")");
                }
                values[i] = items.next();
            }
            if (items.hasNext()) {
                throw TemplateException.value("too many values to unpack (expected " + values.length + ")");
            }
            for (int i = 0; i < values.length; i++) {
                targets.get(i).assign(frame, values[i]);
            }
        }
    }
}
