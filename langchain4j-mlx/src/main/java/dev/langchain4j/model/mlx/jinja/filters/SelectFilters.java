package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Lazy;
import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** map, select, reject and their kin: filters that apply other filters and tests to each item. */
final class SelectFilters {

    private SelectFilters() {}

    static void register(Map<String, Filter> all) {
        all.put("map", SelectFilters::map);
        all.put("select", (render, value, args) -> select(render, value, args, false, true));
        all.put("reject", (render, value, args) -> select(render, value, args, false, false));
        all.put("selectattr", (render, value, args) -> select(render, value, args, true, true));
        all.put("rejectattr", (render, value, args) -> select(render, value, args, true, false));
    }

    private static Object map(Render render, Object value, Args args) {
        return Lazy.generator(() -> {
            List<Object> result = new ArrayList<>();
            if (Values.truth(value)) {
                UnaryOperator<Object> function = mapping(render, args);
                Iterator<Object> items = Values.iterate(value);
                while (items.hasNext()) {
                    render.iterate();
                    render.budget.elements(1);
                    result.add(function.apply(items.next()));
                }
            }
            return result.iterator();
        });
    }

    private static UnaryOperator<Object> mapping(Render render, Args args) {
        if (args.positional().length == 0 && args.keywords().containsKey("attribute")) {
            Map<String, Object> keywords = new LinkedHashMap<>(args.keywords());
            Object attribute = keywords.remove("attribute");
            Object otherwise = keywords.remove("default");
            if (!keywords.isEmpty()) {
                throw TemplateException.runtime("Unexpected keyword argument "
                        + Repr.repr(keywords.keySet().iterator().next()));
            }
            return Lookup.of(attribute, otherwise);
        }
        if (args.positional().length == 0) {
            throw TemplateException.runtime("map requires a filter argument");
        }
        Object name = args.positional()[0];
        Filter filter = Values.text(name) == null ? null : Filters.find(Values.text(name));
        if (filter == null) {
            throw TemplateException.runtime("No filter named " + Repr.repr(name) + ".");
        }
        Args rest = args.skip(1);
        return item -> filter.apply(render, item, rest);
    }

    private static Object select(Render render, Object value, Args args, boolean byAttribute, boolean keep) {
        return Lazy.generator(() -> {
            List<Object> result = new ArrayList<>();
            if (Values.truth(value)) {
                Predicate<Object> test = selection(render, args, byAttribute);
                Iterator<Object> items = Values.iterate(value);
                while (items.hasNext()) {
                    render.iterate();
                    Object item = items.next();
                    if (test.test(item) == keep) {
                        render.budget.elements(1);
                        result.add(item);
                    }
                }
            }
            return result.iterator();
        });
    }

    private static Predicate<Object> selection(Render render, Args args, boolean byAttribute) {
        int used = byAttribute ? 1 : 0;
        Object[] given = args.positional();
        if (given.length < used) {
            throw TemplateException.runtime("Missing parameter for attribute name");
        }
        UnaryOperator<Object> lookup = byAttribute ? Lookup.of(given[0]) : UnaryOperator.identity();
        if (given.length == used) {
            return item -> Values.truth(lookup.apply(item));
        }
        Object name = given[used];
        Filter test = Values.text(name) == null ? null : Tests.find(Values.text(name));
        if (test == null) {
            throw TemplateException.runtime("No test named " + Repr.repr(name) + ".");
        }
        Args rest = args.skip(used + 1);
        return item -> Values.truth(test.apply(render, lookup.apply(item), rest));
    }
}
