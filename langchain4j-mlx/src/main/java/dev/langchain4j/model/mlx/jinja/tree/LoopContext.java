package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Method;
import dev.langchain4j.model.mlx.jinja.python.Params;
import dev.langchain4j.model.mlx.jinja.python.PyObject;
import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.python.Tuple;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** The variable {@code loop}. */
final class LoopContext implements PyObject.Callable, PyObject.Iterable {

    private final ForLoop owner;
    /** The frame that a recursive loop stands in; null when the loop is not recursive. */
    private final Frame recursionFrame;

    private final Object iterable;
    private Iterator<Object> source;
    private final int depth0;
    private int index0 = -1;
    private int length = -1;
    private Object before = Values.MISSING;
    private Object current = Values.MISSING;
    private Object after = Values.MISSING;
    private Object lastChanged;

    LoopContext(ForLoop owner, Frame recursionFrame, Object iterable, Iterator<Object> source, int depth0) {
        this.owner = owner;
        this.recursionFrame = recursionFrame;
        this.iterable = iterable;
        this.source = source;
        this.depth0 = depth0;
    }

    /** Moves to the next item; false at the end. */
    boolean advance() {
        Object next = peek();
        if (next == Values.MISSING) {
            return false;
        }
        after = Values.MISSING;
        index0++;
        before = current;
        current = next;
        return true;
    }

    Object current() {
        return current;
    }

    private Object peek() {
        if (after == Values.MISSING && source.hasNext()) {
            after = source.next();
        }
        return after;
    }

    /** What iterating over the loop itself gives: its remaining items, each with the loop. */
    @Override
    public Iterator<Object> items() {
        List<Object> pairs = new ArrayList<>();
        while (advance()) {
            Budget.current().elements(2);
            pairs.add(new Tuple(current, this));
        }
        return pairs.iterator();
    }

    @Override
    public int length() {
        if (length < 0) {
            length = iterable == null ? -1 : Values.lengthOrNegative(iterable);
        }
        if (length < 0) {
            List<Object> rest = new ArrayList<>();
            source.forEachRemaining(item -> {
                Budget.current().elements(1);
                rest.add(item);
            });
            Budget.current().keepAll();
            source = rest.iterator();
            length = rest.size() + index0 + 1 + (after == Values.MISSING ? 0 : 1);
        }
        return length;
    }

    @Override
    public Object attribute(String name) {
        return switch (name) {
            case "index" -> index0 + 1L;
            case "index0" -> (long) index0;
            case "first" -> index0 == 0;
            case "last" -> peek() == Values.MISSING;
            case "length" -> (long) length();
            case "revindex" -> (long) length() - index0;
            case "revindex0" -> (long) length() - index0 - 1;
            case "depth" -> depth0 + 1L;
            case "depth0" -> (long) depth0;
            case "previtem" -> index0 == 0 ? Undefined.hint("there is no previous item") : before;
            case "nextitem" -> peek() == Values.MISSING ? Undefined.hint("there is no next item") : after;
            case "cycle" -> new Method.Bound(CYCLE, this);
            case "changed" -> new Method.Bound(CHANGED, this);
            default -> Values.MISSING;
        };
    }

    private static final Method CYCLE = Method.free("cycle", (render, self, args) -> {
        Object[] items = args.positional();
        if (items.length == 0) {
            throw TemplateException.type("no items for cycling given");
        }
        return items[Math.floorMod(((LoopContext) self).index0, items.length)];
    });

    private static final Method CHANGED = Method.free("changed", (render, self, args) -> {
        LoopContext loop = (LoopContext) self;
        Tuple value = new Tuple(args.positional());
        boolean changed = loop.lastChanged == null || !Values.equal(loop.lastChanged, value);
        if (changed) {
            loop.lastChanged = value;
            render.budget.keepAll();
        }
        return changed;
    });

    @Override
    public Object call(Render render, Args args) {
        if (recursionFrame == null) {
            throw TemplateException.type("The loop must have the 'recursive' marker to be called recursively.");
        }
        Object[] bound = ITERABLE.bind("loop", args);
        return owner.recurse(recursionFrame, bound[0], depth0 + 1);
    }

    private static final Params ITERABLE = Params.of("iterable");

    @Override
    public String module() {
        return "jinja2.runtime.";
    }

    @Override
    public String describe() {
        return "<LoopContext " + (index0 + 1) + "/" + length() + ">";
    }
}
