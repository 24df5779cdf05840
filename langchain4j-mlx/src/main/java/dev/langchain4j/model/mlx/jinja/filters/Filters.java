package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Markup;
import dev.langchain4j.model.mlx.jinja.python.Params;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** All filters by name. */
public final class Filters {

    /** Filters that hand on what they are given, or parts of it, and so make no strings. */
    private static final Set<String> HANDING_ON = Set.of(
            "default",
            "d",
            "list",
            "first",
            "last",
            "items",
            "dictsort",
            "sort",
            "unique",
            "min",
            "max",
            "groupby",
            "batch",
            "slice",
            "random",
            "attr",
            "map",
            "select",
            "reject",
            "selectattr",
            "rejectattr",
            "join");

    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        TextFilters.register(ALL);
        SequenceFilters.register(ALL);
        SelectFilters.register(ALL);
        ValueFilters.register(ALL);
        ALL.replaceAll(Filters::keeping);
    }

    private Filters() {}

    /** A filter that says where the characters of its result come from. */
    private static Filter keeping(String name, Filter filter) {
        if (HANDING_ON.contains(name)) {
            return filter;
        }
        return (render, value, args) -> {
            Object result = filter.apply(render, value, args);
            return render.origins == null
                    ? result
                    : render.origins.derived(
                            name, value, args.keywords().isEmpty() ? args.positional() : new Object[] {args}, result);
        };
    }

    /** The filter of a name, or null. */
    public static Filter find(String name) {
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
