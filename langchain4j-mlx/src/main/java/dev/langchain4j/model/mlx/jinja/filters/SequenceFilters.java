package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Attributes;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Lazy;
import dev.langchain4j.model.mlx.jinja.python.Markup;
import dev.langchain4j.model.mlx.jinja.python.Numbers;
import dev.langchain4j.model.mlx.jinja.python.Operators;
import dev.langchain4j.model.mlx.jinja.python.Params;
import dev.langchain4j.model.mlx.jinja.python.PyObject;
import dev.langchain4j.model.mlx.jinja.python.Range;
import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Slices;
import dev.langchain4j.model.mlx.jinja.python.TextBuilder;
import dev.langchain4j.model.mlx.jinja.python.Tuple;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.function.UnaryOperator;

/** The filters that work on lists and other iterables as a whole. */
final class SequenceFilters {

    private SequenceFilters() {}

    static void register(Map<String, Filter> all) {
        Filter length = Filter.of("length", Params.NONE, (v, a) -> Values.length(v));
        all.put("length", length);
        all.put("count", length);
        Filters.add(all, "list", Params.NONE, (v, a) -> Values.list(v));
        Filters.add(all, "first", Params.NONE, (v, a) -> {
            Iterator<Object> items = Values.iterate(v);
            return items.hasNext() ? items.next() : Undefined.hint("No first item, sequence was empty.");
        });
        Filters.add(all, "last", Params.NONE, (v, a) -> {
            List<Object> items = reversed(v);
            return items.isEmpty() ? Undefined.hint("No last item, sequence was empty.") : items.getFirst();
        });
        Filters.add(all, "reverse", Params.NONE, (v, a) -> reverse(v));
        all.put("join", SequenceFilters::join);
        Filters.add(all, "items", Params.NONE, (v, a) -> items(v));
        Filters.add(all, "dictsort", Params.of("case_sensitive?", "by?", "reverse?"), SequenceFilters::dictSort);
        Filters.add(
                all,
                "sort",
                Params.of("reverse?", "case_sensitive?", "attribute?"),
                (v, a) -> sorted(
                        Values.list(v),
                        Lookup.sortKey(Filters.orDefault(a[2], null), Filters.flag(a[1])),
                        Filters.flag(a[0])));
        Filters.add(
                all,
                "unique",
                Params.of("case_sensitive?", "attribute?"),
                (v, a) -> Lazy.generator(() -> unique(v, Filters.flag(a[0]), a[1])));
        Params extreme = Params.of("case_sensitive?", "attribute?");
        Filters.add(all, "min", extreme, (v, a) -> extreme(v, a, "<"));
        Filters.add(all, "max", extreme, (v, a) -> extreme(v, a, ">"));
        Filters.add(all, "sum", Params.of("attribute?", "start?"), SequenceFilters::sum);
        Filters.add(all, "groupby", Params.of("attribute", "default?", "case_sensitive?"), SequenceFilters::groupBy);
        Filters.add(
                all,
                "batch",
                Params.of("linecount", "fill_with?"),
                (v, a) -> Lazy.generator(() -> batch(v, a).iterator()));
        Filters.add(
                all,
                "slice",
                Params.of("slices", "fill_with?"),
                (v, a) -> Lazy.generator(() -> slice(v, a).iterator()));
        Filters.add(all, "random", Params.NONE, (v, a) -> {
            int size = (int) Values.length(v);
            return size == 0
                    ? Undefined.hint("No random item, sequence was empty.")
                    : Attributes.item(v, (long) (Math.random() * size));
        });
    }

    private static List<Object> reversed(Object value) {
        if (value instanceof Lazy || !Values.isIterable(value) || value instanceof PyObject.Iterable) {
            throw TemplateException.type("'" + Values.typeName(value) + "' object is not reversible");
        }
        List<Object> items = Values.list(value);
        Collections.reverse(items);
        return items;
    }

    private static Object reverse(Object value) {
        String text = Values.text(value);
        if (text != null) {
            return Slices.slice(value, null, null, -1L);
        }
        if (!Values.isIterable(value)) {
            throw TemplateException.type("argument must be iterable");
        }
        List<Object> items = Values.list(value);
        Collections.reverse(items);
        if (value instanceof Lazy) {
            return items;
        }
        String type =
                switch (value) {
                    case Range _ -> "range_iterator";
                    case Tuple _ -> "reversed";
                    case List<?> _ -> "list_reverseiterator";
                    default ->
                        "dict_reverse"
                                + (value instanceof Dict.View view
                                        ? view.part()
                                                .type
                                                .substring(5, view.part().type.length() - 1)
                                        : "key")
                                + "iterator";
                };
        return new Lazy(type, items::iterator);
    }

    private static final Params JOIN = Params.of("d?", "attribute?");

    private static Object join(Render render, Object value, Args args) {
        Object[] a = JOIN.bind("join", args);
        Object separator = Filters.orDefault(a[0], "");
        UnaryOperator<Object> lookup = Lookup.of(a[1]);
        List<Object> parts = new ArrayList<>();
        boolean markup = separator instanceof Markup;
        Iterator<Object> items = Values.iterate(value);
        while (items.hasNext()) {
            Object part = lookup.apply(items.next());
            markup |= part instanceof Markup;
            Budget.current().elements(1);
            parts.add(part);
        }
        markup &= render.autoescape;
        TextBuilder out = new TextBuilder();
        String between = parts.size() < 2 ? "" : markup ? Markup.escape(separator) : Repr.str(separator);
        for (int i = 0; i < parts.size(); i++) {
            out.append(i == 0 ? "" : between);
            out.append(markup ? Markup.escape(parts.get(i)) : Repr.str(parts.get(i)));
        }
        Object result = markup ? new Markup(out.toString()) : out.toString();
        if (render.origins != null) {
            render.origins.joined(result, parts, separator);
        }
        return result;
    }

    private static Object items(Object value) {
        return Lazy.generator(() -> {
            if (value instanceof Undefined) {
                return List.<Object>of().iterator();
            }
            if (!(value instanceof Dict dict)) {
                throw TemplateException.type("Can only get item pairs from a mapping.");
            }
            return Dict.View.items(dict).iterator();
        });
    }

    private static List<Object> sorted(List<Object> items, UnaryOperator<Object> key, boolean reverse) {
        Budget.current().elements(6L * items.size());
        List<Object[]> keyed = new ArrayList<>(items.size());
        items.forEach(item -> keyed.add(new Object[] {key.apply(item), item}));
        Values.sort(keyed, reverse);
        List<Object> result = new ArrayList<>(items.size());
        keyed.forEach(pair -> result.add(pair[1]));
        return result;
    }

    private static Object dictSort(Object value, Object[] a) {
        Object by = Filters.orDefault(a[1], "key");
        if (!"key".equals(by) && !"value".equals(by)) {
            throw TemplateException.runtime("You can only sort by either \"key\" or \"value\"");
        }
        if (!(value instanceof Dict dict)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : TemplateException.type("'" + Values.typeName(value) + "' object has no attribute 'items'");
        }
        int position = by.equals("key") ? 0 : 1;
        return sorted(
                Dict.View.items(dict),
                pair -> Lookup.folded(((Tuple) pair).get(position), Filters.flag(a[0])),
                Filters.flag(a[2]));
    }

    /** As far as it is asked: items that cannot be hashed fail where they are reached. */
    private static Iterator<Object> unique(Object value, boolean caseSensitive, Object attribute) {
        UnaryOperator<Object> lookup = Lookup.of(attribute);
        Set<Object> seen = new HashSet<>();
        Iterator<Object> items = Values.iterate(value);
        Budget budget = Budget.current();
        return new Iterator<>() {
            private Object next = Values.MISSING;

            @Override
            public boolean hasNext() {
                budget.enter();
                while (next == Values.MISSING && items.hasNext()) {
                    Object item = items.next();
                    budget.entry();
                    boolean isNew = seen.add(Values.hashKey(Lookup.folded(lookup.apply(item), caseSensitive)));
                    next = isNew ? item : Values.MISSING;
                }
                budget.leave();
                return next != Values.MISSING;
            }

            @Override
            public Object next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                Object item = next;
                next = Values.MISSING;
                return item;
            }
        };
    }

    private static Object extreme(Object value, Object[] a, String operator) {
        UnaryOperator<Object> lookup = Lookup.of(a[1]);
        boolean caseSensitive = Filters.flag(a[0]);
        Iterator<Object> items = Values.iterate(value);
        if (!items.hasNext()) {
            return Undefined.hint("No aggregated item, sequence was empty.");
        }
        Object best = items.next();
        Object bestKey = Lookup.folded(lookup.apply(best), caseSensitive);
        while (items.hasNext()) {
            Object item = items.next();
            Budget.current().step();
            Object key = Lookup.folded(lookup.apply(item), caseSensitive);
            if (Values.ordered(key, bestKey, operator)) {
                best = item;
                bestKey = key;
            }
        }
        return best;
    }

    private static Object sum(Object value, Object[] a) {
        UnaryOperator<Object> lookup = Lookup.of(a[0]);
        Object total = Filters.orDefault(a[1], 0L);
        if (Values.text(total) != null) {
            throw TemplateException.type("sum() can't sum strings [use ''.join(seq) instead]");
        }
        Iterator<Object> items = Values.iterate(value);
        while (items.hasNext()) {
            Budget.current().step();
            total = Operators.add(total, lookup.apply(items.next()));
        }
        return total;
    }

    private static Object groupBy(Object value, Object[] a) {
        Object otherwise = Filters.orDefault(a[1], null);
        boolean caseSensitive = Filters.flag(a[2]);
        UnaryOperator<Object> lookup = Lookup.of(a[0], otherwise);
        UnaryOperator<Object> key = item -> Lookup.folded(lookup.apply(item), caseSensitive);
        List<Object> groups = new ArrayList<>();
        Object current = Values.MISSING;
        List<Object> group = null;
        for (Object item : sorted(Values.list(value), key, false)) {
            Object itemKey = key.apply(item);
            if (group == null || !Values.equal(current, itemKey)) {
                current = itemKey;
                group = new ArrayList<>();
                groups.add(new Tuple.Group(lookup.apply(item), group));
            }
            Budget.current().elements(4);
            group.add(item);
        }
        return groups;
    }

    private static List<Object> batch(Object value, Object[] a) {
        Object fill = Filters.orDefault(a[1], null);
        List<Object> rows = new ArrayList<>();
        List<Object> row = new ArrayList<>();
        Iterator<Object> items = Values.iterate(value);
        while (items.hasNext()) {
            if (Values.equal((long) row.size(), a[0])) {
                rows.add(row);
                row = new ArrayList<>();
            }
            Budget.current().elements(4);
            row.add(items.next());
        }
        if (!row.isEmpty()) {
            if (fill != null) {
                long missing = Numbers.index(a[0]) - row.size();
                Budget.current().elements(Math.clamp(missing, 0, 100_000));
                for (long i = 0; i < Math.min(missing, 100_000); i++) {
                    row.add(fill);
                }
            }
            rows.add(row);
        }
        return rows;
    }

    private static List<Object> slice(Object value, Object[] a) {
        List<Object> items = Values.list(value);
        long slices = Numbers.index(a[0]);
        if (slices == 0) {
            throw TemplateException.runtime("integer division or modulo by zero");
        }
        Object fill = Filters.orDefault(a[1], null);
        long each = Math.floorDiv(items.size(), slices);
        long withExtra = Math.floorMod(items.size(), slices);
        List<Object> result = new ArrayList<>();
        int offset = 0;
        for (long i = 0; i < Math.min(slices, 100_000); i++) {
            Budget.current().elements(4 + each);
            int start = (int) (offset + i * each);
            if (i < withExtra) {
                offset++;
            }
            List<Object> part = new ArrayList<>(items.subList(start, (int) (offset + (i + 1) * each)));
            if (fill != null && i >= withExtra) {
                part.add(fill);
            }
            result.add(part);
        }
        return result;
    }
}
