package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Markup;
import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/** {@code for}, with inline filter, else, the loop variable and recursion. */
public final class ForLoop extends Stmt {

    private final Target target;
    private final Expr iterable;
    private final Expr test;
    private final boolean recursive;
    private final List<Stmt> body;
    private final List<Stmt> otherwise;
    /** The target that the inline test assigns. */
    private final Target testTarget;

    private Scope scope;
    private Scope.Entry bodyEntry;
    private Scope.Entry testEntry;
    private Scope.Entry otherwiseEntry;
    /** The slot of the variable loop, or -1 when the body does not use it. */
    private int loopSlot = -1;

    public ForLoop(
            Position at,
            Target target,
            Expr iterable,
            Expr test,
            boolean recursive,
            List<Stmt> body,
            List<Stmt> otherwise) {
        super(at);
        this.target = target;
        this.testTarget = target.copy();
        this.iterable = iterable;
        this.test = test;
        this.recursive = recursive;
        this.body = body;
        this.otherwise = otherwise;
    }

    @Override
    List<Node> children() {
        List<Node> children = new ArrayList<>(List.of(target, iterable));
        children.addAll(body);
        children.addAll(otherwise);
        if (test != null) {
            children.add(test);
        }
        return children;
    }

    @Override
    void declare(Scope outer) {
        iterable.declare(outer);
    }

    @Override
    void bind(Scope outer, boolean soft) {
        if (Names.assigns(this, "loop")) {
            throw failure("Can't assign to special loop variable in for-loop target");
        }
        iterable.bind(outer, soft);
        scope = recursive ? outer.innerActivation() : outer.inner();
        if (recursive || Names.undeclared(body, "loop")) {
            loopSlot = scope.parameter("loop").slot();
        }
        target.declareParameters(scope);
        body.forEach(statement -> statement.declare(scope));
        target.bind(scope, false);
        body.forEach(statement -> statement.bind(scope, false));
        bodyEntry = scope.entry();

        Scope otherwiseScope = sibling(outer);
        otherwise.forEach(statement -> statement.declare(otherwiseScope));
        otherwise.forEach(statement -> statement.bind(otherwiseScope, false));
        otherwiseEntry = otherwiseScope.entry();

        if (test != null) {
            Scope testScope = sibling(outer);
            testTarget.declareParameters(testScope);
            test.declare(testScope);
            testTarget.bind(testScope, false);
            test.bind(testScope, false);
            testEntry = testScope.entry();
        }
    }

    private Scope sibling(Scope outer) {
        return new Scope(outer, scope.activation);
    }

    @Override
    Signal exec(Frame frame) {
        Object items = iterable.eval(frame);
        if (recursive) {
            frame.render.writeValue(recurse(frame, items, 0));
            return Signal.NEXT;
        }
        return run(frame, items, null, 0);
    }

    /** One level of a recursive loop: what it writes. */
    Object recurse(Frame outer, Object items, int depth) {
        Render render = outer.render;
        render.enter(height());
        try {
            Frame frame = new Frame(render, outer, scope.activation);
            String text = render.capture(() -> run(frame, items, outer, depth));
            return render.autoescape ? new Markup(text) : text;
        } finally {
            render.leave(height());
        }
    }

    private Signal run(Frame frame, Object items, Frame recursionFrame, int depth) {
        Iterator<Object> source = test == null ? Values.iterate(items) : filtered(frame, items);
        boolean finished = loopSlot < 0
                ? plain(frame, source)
                : extended(frame, new LoopContext(this, recursionFrame, test == null ? items : null, source, depth));
        bodyEntry.leave(frame);
        if (!finished && !otherwise.isEmpty()) {
            otherwiseEntry.run(frame);
            Signal signal = execAll(otherwise, frame);
            otherwiseEntry.leave(frame);
            return signal;
        }
        return Signal.NEXT;
    }

    /** Whether the body ran to its end at least once: a loop that only breaks or continues still has its else run. */
    private boolean plain(Frame frame, Iterator<Object> source) {
        boolean finished = false;
        while (source.hasNext()) {
            Signal signal = iteration(frame, source.next());
            finished |= signal == Signal.NEXT;
            if (signal == Signal.BREAK) {
                break;
            }
        }
        return finished;
    }

    private boolean extended(Frame frame, LoopContext loop) {
        boolean finished = false;
        while (loop.advance()) {
            frame.slots[loopSlot] = loop;
            Signal signal = iteration(frame, loop.current());
            finished |= signal == Signal.NEXT;
            if (signal == Signal.BREAK) {
                break;
            }
        }
        return finished;
    }

    private Signal iteration(Frame frame, Object item) {
        Budget budget = frame.render.budget;
        long mark = budget.mark();
        Signal signal = traced(frame, item);
        budget.release(mark);
        return signal;
    }

    /** Runs the body, and notes which element of the traced list wrote what. */
    private Signal traced(Frame frame, Object item) {
        Render render = frame.render;
        render.iterate();
        target.assign(frame, item);
        bodyEntry.run(frame);
        int start = render.offset();
        if (start >= 0 && item instanceof Dict dict && dict.traceIndex >= 0) {
            Signal signal = execAll(body, frame);
            render.span(dict.traceIndex, start);
            return signal;
        }
        if (start >= 0 && item instanceof Long index) {
            Signal[] signal = new Signal[1];
            int element = render.traceIndexed(index, () -> signal[0] = execAll(body, frame));
            if (element >= 0) {
                render.span(element, start);
            }
            return signal[0];
        }
        return execAll(body, frame);
    }

    /** The items that pass the inline test, which is asked as late as possible. */
    private Iterator<Object> filtered(Frame frame, Object items) {
        return new Iterator<>() {
            private Iterator<Object> source;
            private Object next = Values.MISSING;

            @Override
            public boolean hasNext() {
                if (source == null) {
                    testEntry.run(frame);
                    source = Values.iterate(items);
                }
                while (next == Values.MISSING && source.hasNext()) {
                    Object candidate = source.next();
                    frame.render.iterate();
                    testTarget.assign(frame, candidate);
                    long mark = frame.render.budget.mark();
                    if (Values.truth(test.eval(frame))) {
                        next = candidate;
                    }
                    frame.render.budget.release(mark);
                }
                return next != Values.MISSING;
            }

            @Override
            public Object next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                Object result = next;
                next = Values.MISSING;
                return result;
            }
        };
    }
}
