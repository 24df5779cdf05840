package dev.langchain4j.model.mlx.jinja.python;

import java.util.Iterator;
import java.util.function.Supplier;

/** An iterator as a value, which runs through once: what Python's generators and iterators are. */
public final class Lazy {

    /** Python's name of its type. */
    final String type;

    private Supplier<Iterator<Object>> source;
    private Iterator<Object> iterator;

    /** The source is asked at the first element, since a generator's body does nothing before. */
    public Lazy(String type, Supplier<Iterator<Object>> source) {
        this.type = type;
        this.source = source;
    }

    public static Lazy generator(Supplier<Iterator<Object>> source) {
        return new Lazy("generator", source);
    }

    Iterator<Object> iterator() {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return delegate().hasNext();
            }

            @Override
            public Object next() {
                return delegate().next();
            }
        };
    }

    private Iterator<Object> delegate() {
        if (iterator == null) {
            Budget budget = Budget.current();
            budget.enter();
            iterator = source.get();
            budget.leave();
            // Elements that are not taken yet stay alive wherever this value is.
            budget.keepAll();
            source = null;
        }
        return iterator;
    }
}
