package dev.langchain4j.model.mlx.jinja.python;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** The arguments of a call. */
public final class Args {

    public static final Args NONE = new Args(new Object[0], Map.of());

    private final Object[] positional;
    private final Map<String, Object> keywords;

    public Args(Object[] positional, Map<String, Object> keywords) {
        this.positional = positional;
        this.keywords = keywords;
    }

    public Object[] positional() {
        return positional;
    }

    public Map<String, Object> keywords() {
        return keywords;
    }

    public boolean isEmpty() {
        return positional.length == 0 && keywords.isEmpty();
    }

    public Args withKeyword(String name, Object value) {
        Map<String, Object> all = new LinkedHashMap<>(keywords);
        all.put(name, value);
        return new Args(positional, all);
    }

    /** The arguments after the first {@code count}. */
    public Args skip(int count) {
        return new Args(Arrays.copyOfRange(positional, count, positional.length), keywords);
    }
}
