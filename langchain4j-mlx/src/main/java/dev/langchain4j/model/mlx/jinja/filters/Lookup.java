package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.python.Attributes;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Strings;
import dev.langchain4j.model.mlx.jinja.python.Tuple;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Reads the attribute paths that filters take: {@code function.name}, {@code items.0}. */
final class Lookup {

    private Lookup() {}

    /** A function from an item to what the path leads to; null stands for no path. */
    static UnaryOperator<Object> of(Object path) {
        return of(path, null);
    }

    /** The same, with a value in place of what is undefined, when it is not null. */
    static UnaryOperator<Object> of(Object path, Object otherwise) {
        List<Object> parts = parts(path);
        return item -> {
            Object value = item;
            Budget.current().steps(parts.size());
            for (Object part : parts) {
                value = Attributes.item(value, part);
                if (otherwise != null && value instanceof Undefined) {
                    value = otherwise;
                }
            }
            return value;
        };
    }

    private static List<Object> parts(Object path) {
        if (path == null || path == Values.MISSING) {
            return List.of();
        }
        String text = Values.text(path);
        if (text == null) {
            return List.of(path);
        }
        List<Object> parts = new ArrayList<>();
        for (String part : Strings.split(text, ".", -1)) {
            boolean index =
                    !part.isEmpty() && part.length() < 10 && part.chars().allMatch(Character::isDigit);
            parts.add(index ? (Object) Long.parseLong(part) : part);
        }
        return parts;
    }

    /** The keys that sort compares: for each path of a list of them with commas between, its value. */
    static UnaryOperator<Object> sortKey(Object paths, boolean caseSensitive) {
        String text = Values.text(paths);
        List<UnaryOperator<Object>> lookups = new ArrayList<>();
        for (Object path : text == null ? new Tuple(paths) : Strings.split(text, ",", -1)) {
            lookups.add(of(path));
        }
        return item -> {
            Budget.current().elements(lookups.size());
            List<Object> key = new ArrayList<>(lookups.size());
            lookups.forEach(lookup -> key.add(folded(lookup.apply(item), caseSensitive)));
            return key;
        };
    }

    static Object folded(Object value, boolean caseSensitive) {
        String text = caseSensitive ? null : Values.text(value);
        return text == null ? value : Strings.lower(text);
    }
}
