package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.agent.tool.ToolSpecification;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;

/**
 * What was made of the lists of tools that requests offered last: most requests of an application offer the same ones.
 * Keeps nothing but tools. Thread-safe.
 *
 * @param <T> what is made of a list; shared, so not to be changed
 */
public final class PerToolList<T> {
    private static final int LISTS_MAX = 8;

    private record Made<T>(List<ToolSpecification> tools, T value) {}

    private final Function<List<ToolSpecification>, T> make;
    /** Used last first. */
    private final Deque<Made<T>> made = new ArrayDeque<>();

    /** @param make the same for equal lists */
    public PerToolList(Function<List<ToolSpecification>, T> make) {
        this.make = make;
    }

    /** What is made of these tools. */
    public T of(List<ToolSpecification> tools) {
        T known = find(tools);
        if (known != null) {
            return known;
        }
        T value = make.apply(tools);
        add(new Made<>(List.copyOf(tools), value));
        return value;
    }

    /** Comparing costs little: applications give the same objects each time. */
    private synchronized T find(List<ToolSpecification> tools) {
        for (Iterator<Made<T>> all = made.iterator(); all.hasNext(); ) {
            Made<T> one = all.next();
            if (one.tools.equals(tools)) {
                all.remove();
                made.addFirst(one);
                return one.value;
            }
        }
        return null;
    }

    private synchronized void add(Made<T> one) {
        made.addFirst(one);
        if (made.size() > LISTS_MAX) {
            made.removeLast();
        }
    }
}
