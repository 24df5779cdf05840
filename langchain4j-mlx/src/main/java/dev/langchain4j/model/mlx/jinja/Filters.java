package dev.langchain4j.model.mlx.jinja;

import java.util.HashMap;
import java.util.Map;

/** All filters by name. */
final class Filters {

    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        TextFilters.register(ALL);
        SequenceFilters.register(ALL);
        SelectFilters.register(ALL);
        ValueFilters.register(ALL);
        ALL.replaceAll(Origins::keeping);
    }

    private Filters() {}

    /** The filter of a name, or null. */
    static Filter find(String name) {
        return ALL.get(name);
    }

    static void add(Map<String, Filter> filters, String name, Params params, Filter.Body body) {
        filters.put(name, Filter.of(name, params, body));
    }

    static Object orDefault(Object argument, Object otherwise) {
        return argument == Values.MISSING ? otherwise : argument;
    }

    static boolean flag(Object argument) {
        return argument != Values.MISSING && Values.truth(argument);
    }

    static boolean isNone(Object argument) {
        return argument == null || argument == Values.MISSING;
    }

    /** The value as a string that keeps its mark as safe: a String or a Markup. */
    static Object soft(Object value) {
        return value instanceof Markup ? value : Repr.str(value);
    }

    /** A string of the same mark as another. */
    static Object like(Object original, String text) {
        return original instanceof Markup ? new Markup(text) : text;
    }

    /** The text of a str, or an AttributeError in Python's words. */
    static String text(Object value, String attribute) {
        String text = Values.text(value);
        if (text != null) {
            return text;
        }
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        throw TemplateException.type("'" + Values.typeName(value) + "' object has no attribute '" + attribute + "'");
    }
}
