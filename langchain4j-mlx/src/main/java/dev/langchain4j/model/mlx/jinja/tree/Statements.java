package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Markup;
import dev.langchain4j.model.mlx.jinja.python.Strings;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.List;

/** All statements but loops and macros. */
public final class Statements {

    private Statements() {}

    /** Text as it stands. */
    public static final class Text extends Stmt {
        private final String text;

        public Text(Position at, String text) {
            super(at);
            this.text = text;
        }

        public boolean isBlank() {
            return text.codePoints().allMatch(Strings::isSpace);
        }

        @Override
        List<Node> children() {
            return List.of();
        }

        @Override
        Signal exec(Frame frame) {
            frame.render.write(text);
            return Signal.NEXT;
        }
    }

    public static final class Print extends Stmt {
        private final Expr value;

        public Print(Position at, Expr value) {
            super(at);
            this.value = value;
        }

        @Override
        List<Expr> children() {
            return List.of(value);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            super.bind(scope, soft);
            if (Names.constant(value)) {
                Names.slices(value, Access.Slice::fold);
            }
        }

        @Override
        Signal exec(Frame frame) {
            frame.render.writeValue(value.eval(frame));
            return Signal.NEXT;
        }
    }

    /** {@code if} with its {@code elif}s: a test per body, and one body more for {@code else}. */
    public static final class If extends Stmt {
        private final List<Expr> tests;
        private final List<List<Stmt>> bodies;

        public If(Position at, List<Expr> tests, List<List<Stmt>> bodies) {
            super(at);
            this.tests = tests;
            this.bodies = bodies;
        }

        @Override
        List<Node> children() {
            List<Node> children = new ArrayList<>();
            for (int i = 0; i < bodies.size(); i++) {
                if (i < tests.size()) {
                    children.add(tests.get(i));
                }
                children.addAll(bodies.get(i));
            }
            return children;
        }

        @Override
        void declare(Scope scope) {
            tests.getFirst().declare(scope);
            List<List<? extends Node>> branches = new ArrayList<>();
            branches.add(bodies.getFirst());
            List<Node> elifs = new ArrayList<>();
            for (int i = 1; i < tests.size(); i++) {
                elifs.add(new If(this, List.of(tests.get(i)), List.of(bodies.get(i), List.of())));
            }
            branches.add(elifs);
            branches.add(bodies.getLast());
            scope.branches(branches);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            super.bind(scope, true);
        }

        @Override
        boolean leavesValues() {
            return true;
        }

        @Override
        Signal exec(Frame frame) {
            Budget budget = frame.render.budget;
            for (int i = 0; i < tests.size(); i++) {
                budget.step();
                long mark = budget.mark();
                boolean holds = Values.truth(tests.get(i).eval(frame));
                budget.release(mark);
                if (holds) {
                    return execAll(bodies.get(i), frame);
                }
            }
            return execAll(bodies.getLast(), frame);
        }
    }

    /** {@code set target = value}. */
    public static final class Set extends Stmt {
        private final Target target;
        private final Expr value;
        private boolean exported;

        public Set(Position at, Target target, Expr value) {
            super(at);
            this.target = target;
            this.value = value;
        }

        @Override
        List<Expr> children() {
            return List.of(value, target);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            super.bind(scope, soft);
            exported = scope.parent == null;
        }

        @Override
        boolean leavesValues() {
            return true;
        }

        @Override
        Signal exec(Frame frame) {
            target.check(frame);
            Budget budget = frame.render.budget;
            long mark = budget.mark();
            Object computed = value.eval(frame);
            if (Budget.isSimple(computed)) {
                budget.release(mark);
                budget.shared(computed);
            }
            target.assign(frame, computed);
            if (exported) {
                target.export(frame);
            }
            return Signal.NEXT;
        }
    }

    /** {@code set target}, a body and {@code endset}: the target gets what the body writes. */
    public static final class SetBlock extends Stmt {
        private final Target target;
        private final Access.FilterExpr filter;
        private final List<Stmt> body;
        private Scope.Entry entry;
        private boolean exported;

        public SetBlock(Position at, Target target, Access.FilterExpr filter, List<Stmt> body) {
            super(at);
            this.target = target;
            this.filter = filter;
            this.body = body;
        }

        @Override
        List<Node> children() {
            List<Node> children = new ArrayList<>(List.of(target));
            if (filter != null) {
                children.add(filter);
            }
            children.addAll(body);
            return children;
        }

        @Override
        void declare(Scope scope) {
            target.declare(scope);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            Scope inner = scope.inner();
            body.forEach(statement -> statement.declare(inner));
            body.forEach(statement -> statement.bind(inner, false));
            if (filter != null) {
                filter.bind(inner, false);
            }
            entry = inner.entry();
            target.bind(scope, soft);
            exported = scope.parent == null;
        }

        @Override
        boolean leavesValues() {
            return true;
        }

        @Override
        Signal exec(Frame frame) {
            entry.run(frame);
            Signal[] signal = new Signal[1];
            String text = frame.render.capture(() -> signal[0] = execAll(body, frame));
            if (signal[0] != Signal.NEXT) {
                return signal[0];
            }
            Object value = frame.render.autoescape ? new Markup(text) : text;
            Object filtered = filter == null ? value : filter.evalBlock(frame, text);
            entry.leave(frame);
            target.assign(frame, filtered);
            if (exported) {
                target.export(frame);
            }
            return Signal.NEXT;
        }
    }

    /** A body whose text goes through filters. */
    public static final class FilterBlock extends Stmt {
        private final Access.FilterExpr filter;
        private final List<Stmt> body;
        private Scope.Entry entry;

        public FilterBlock(Position at, Access.FilterExpr filter, List<Stmt> body) {
            super(at);
            this.filter = filter;
            this.body = body;
        }

        @Override
        List<Node> children() {
            List<Node> children = new ArrayList<>(body);
            children.add(filter);
            return children;
        }

        @Override
        void declare(Scope scope) {
            filter.declare(scope);
        }

        @Override
        void bind(Scope scope, boolean soft) {
            Scope inner = scope.inner();
            children().forEach(child -> child.declare(inner));
            children().forEach(child -> child.bind(inner, false));
            entry = inner.entry();
        }

        @Override
        Signal exec(Frame frame) {
            entry.run(frame);
            Signal[] signal = new Signal[1];
            String text = frame.render.capture(() -> signal[0] = execAll(body, frame));
            if (signal[0] == Signal.NEXT) {
                Object value = filter.evalBlock(frame, text);
                entry.leave(frame);
                if (Values.text(value) == null) {
                    throw TemplateException.type(
                                    "sequence item: expected str instance, " + Values.typeName(value) + " found")
                            .at(line, column);
                }
                frame.render.writeValue(value);
            }
            return signal[0];
        }
    }

    /** {@code with}: names for a body. */
    public static final class With extends Stmt {
        private final List<Target> targets;
        private final List<Expr> values;
        private final List<Stmt> body;
        private Scope.Entry entry;

        public With(Position at, List<Target> targets, List<Expr> values, List<Stmt> body) {
            super(at);
            targets.forEach(Target::asParameter);
            this.targets = targets;
            this.values = values;
            this.body = body;
        }

        @Override
        List<Node> children() {
            List<Node> children = new ArrayList<>(targets);
            children.addAll(values);
            children.addAll(body);
            return children;
        }

        @Override
        void declare(Scope scope) {
            values.forEach(value -> value.declare(scope));
        }

        @Override
        void bind(Scope scope, boolean soft) {
            Scope inner = scope.inner();
            targets.forEach(target -> target.declareParameters(inner));
            body.forEach(statement -> statement.declare(inner));
            values.forEach(value -> value.bind(scope, soft));
            targets.forEach(target -> target.bind(inner, false));
            body.forEach(statement -> statement.bind(inner, false));
            entry = inner.entry();
        }

        @Override
        Signal exec(Frame frame) {
            entry.run(frame);
            for (int i = 0; i < targets.size(); i++) {
                targets.get(i).assign(frame, values.get(i).eval(frame));
            }
            Signal signal = execAll(body, frame);
            entry.leave(frame);
            return signal;
        }
    }

    /** A body with a scope of its own, optionally with escaping switched: generation and autoescape. */
    public static final class Scoped extends Stmt {
        private final Expr autoescape;
        private final List<Stmt> body;
        private Scope.Entry entry;

        public Scoped(Position at, Expr autoescape, List<Stmt> body) {
            super(at);
            this.autoescape = autoescape;
            this.body = body;
        }

        @Override
        List<Node> children() {
            List<Node> children = new ArrayList<>(body);
            if (autoescape != null) {
                children.addFirst(autoescape);
            }
            return children;
        }

        @Override
        void declare(Scope scope) {}

        @Override
        void bind(Scope scope, boolean soft) {
            Scope inner = scope.inner();
            children().forEach(child -> child.declare(inner));
            children().forEach(child -> child.bind(inner, false));
            entry = inner.entry();
        }

        @Override
        Signal exec(Frame frame) {
            entry.run(frame);
            boolean before = frame.render.autoescape;
            if (autoescape != null) {
                frame.render.autoescape = Values.truth(autoescape.eval(frame));
            }
            try {
                return execAll(body, frame);
            } finally {
                frame.render.autoescape = before;
                entry.leave(frame);
            }
        }
    }

    /** A named block: it sees the context and the names of the template's top level only. */
    public static final class NamedBlock extends Stmt {
        private final List<Stmt> body;
        private Scope scope;
        private Scope.Entry entry;

        public NamedBlock(Position at, List<Stmt> body) {
            super(at);
            this.body = body;
        }

        @Override
        List<Node> children() {
            return List.of();
        }

        @Override
        int partsHeight() {
            return body.stream().mapToInt(Node::height).max().orElse(0);
        }

        @Override
        void bind(Scope outer, boolean soft) {
            scope = new Scope(null, new Scope.Activation(0)).inner();
            body.forEach(statement -> statement.declare(scope));
            body.forEach(statement -> statement.bind(scope, false));
            entry = scope.entry();
        }

        @Override
        Signal exec(Frame frame) {
            Frame inner = new Frame(frame.render, null, scope.activation);
            entry.run(inner);
            return execAll(body, inner);
        }
    }

    public static final class Jump extends Stmt {
        private final Signal signal;

        public Jump(Position at, Signal signal) {
            super(at);
            this.signal = signal;
        }

        @Override
        List<Node> children() {
            return List.of();
        }

        @Override
        Signal exec(Frame frame) {
            return signal;
        }
    }

    /** A statement that needs other templates, of which there are none. */
    public static final class OtherTemplate extends Stmt {
        private final List<Node> parts;

        public OtherTemplate(Position at, List<Node> parts) {
            super(at);
            this.parts = parts;
        }

        @Override
        List<Node> children() {
            return parts;
        }

        @Override
        Signal exec(Frame frame) {
            throw TemplateException.type("no loader for this environment specified");
        }
    }
}
