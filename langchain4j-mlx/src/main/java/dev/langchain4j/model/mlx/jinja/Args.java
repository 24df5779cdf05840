package dev.langchain4j.model.mlx.jinja;

import java.util.Map;

/** The arguments of a call. */
record Args(Object[] positional, Map<String, Object> keywords) {

    static final Args NONE = new Args(new Object[0], Map.of());

    static Args of(Object... positional) {
        return new Args(positional, Map.of());
    }

    Args withKeyword(String name, Object value) {
        Map<String, Object> all = new java.util.LinkedHashMap<>(keywords);
        all.put(name, value);
        return new Args(positional, all);
    }

    /** The arguments after the first {@code count}. */
    Args skip(int count) {
        return new Args(java.util.Arrays.copyOfRange(positional, count, positional.length), keywords);
    }
}
