package dev.langchain4j.model.mlx.jinja;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Python's dict. Strings are found by hash; other keys, which are rare, by Python's equality (so that 1, 1.0 and True
 * are one key).
 */
final class Dict extends LinkedHashMap<Object, Object> {

    private static final long serialVersionUID = 1L;

    /** The index in the traced list, or -1. */
    transient int traceIndex = -1;

    Dict() {}

    Dict(int capacity) {
        super(capacity);
    }

    Dict(Map<?, ?> other) {
        super(other);
    }

    static Dict copyOf(Dict other) {
        Budget budget = Budget.current();
        budget.keep((long) Budget.ENTRY_SIZE * other.size());
        budget.steps(1 + 2L * other.size());
        return new Dict(other);
    }

    /** The value of a key, or {@link Values#MISSING}. */
    Object find(Object key) {
        if (key instanceof String) {
            Object value = get(key);
            return value != null || containsKey(key) ? value : Values.MISSING;
        }
        if (key instanceof Markup markup) {
            return find(markup.text());
        }
        Object stored = storedKey(key);
        return stored == Values.MISSING ? stored : get(stored);
    }

    boolean contains(Object key) {
        return find(key) != Values.MISSING;
    }

    /** Puts as Python does: an equal key stays as it was written first. */
    void set(Object key, Object value) {
        if (key instanceof String) {
            put(key, value);
        } else if (key instanceof Markup markup) {
            put(markup.text(), value);
        } else {
            Object stored = storedKey(key);
            put(stored == Values.MISSING ? key : stored, value);
        }
    }

    private Object storedKey(Object key) {
        Values.checkHashable(key);
        Budget.current().steps(1 + size());
        for (Object candidate : keySet()) {
            if (!(candidate instanceof String) && Values.equal(candidate, key)) {
                return candidate;
            }
        }
        return Values.MISSING;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Dict && Values.equal(this, other);
    }

    @Override
    public int hashCode() {
        return super.hashCode();
    }
}
