package dev.langchain4j.model.mlx.jinja.python;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Python's dict. Strings are found by hash; other keys, which are rare, by Python's equality (so that 1, 1.0 and True
 * are one key).
 */
public final class Dict extends LinkedHashMap<Object, Object> {

    private static final long serialVersionUID = 1L;

    /** The index in the traced list, or -1. */
    public transient int traceIndex = -1;

    public Dict() {}

    public Dict(int capacity) {
        super(capacity);
    }

    public Dict(Map<?, ?> other) {
        super(other);
    }

    public static Dict copyOf(Dict other) {
        Budget budget = Budget.current();
        budget.keep((long) Budget.ENTRY_SIZE * other.size());
        budget.steps(1 + 2L * other.size());
        return new Dict(other);
    }

    /** The value of a key, or {@link Values#MISSING}. */
    public Object find(Object key) {
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
    public void set(Object key, Object value) {
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

    /**
     * What {@code keys()}, {@code values()} and {@code items()} of a dict give: sized and iterable, without indexes.
     */
    public record View(Part part, Dict dict) {

        public enum Part {
            KEYS("dict_keys"),
            VALUES("dict_values"),
            ITEMS("dict_items");

            public final String type;

            Part(String type) {
                this.type = type;
            }
        }

        List<Object> list() {
            return switch (part) {
                case KEYS -> counted(dict.keySet());
                case VALUES -> counted(dict.values());
                case ITEMS -> items(dict);
            };
        }

        private static List<Object> counted(Collection<Object> items) {
            Budget.current().elements(items.size());
            return new ArrayList<>(items);
        }

        public static List<Object> items(Dict dict) {
            Budget.current().elements(4L * dict.size());
            List<Object> items = new ArrayList<>(dict.size());
            for (Map.Entry<Object, Object> entry : dict.entrySet()) {
                items.add(new Tuple(entry.getKey(), entry.getValue()));
            }
            return items;
        }
    }
}
