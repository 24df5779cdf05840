package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Range;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Strings;
import dev.langchain4j.model.mlx.jinja.python.TextBuilder;
import dev.langchain4j.model.mlx.jinja.python.Tuple;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.List;

/**
 * Python's pprint.pformat for dicts, lists and tuples: on one line where it fits in 80 columns, else an item a line.
 */
final class PrettyPrinter {

    private static final int WIDTH = 80;

    private PrettyPrinter() {}

    static String format(Object value) {
        TextBuilder out = new TextBuilder();
        write(value, 0, 0, out);
        return out.toString();
    }

    private static void write(Object value, int indent, int allowance, TextBuilder out) {
        String line = Repr.repr(sorted(value));
        boolean fits = Strings.length(line) <= WIDTH - indent - allowance;
        switch (value) {
            case Dict dict
            when !fits -> {
                out.append('{');
                List<Object> items = sortedItems(dict);
                for (int i = 0; i < items.size(); i++) {
                    Tuple item = (Tuple) items.get(i);
                    String key = Repr.repr(item.get(0));
                    boolean last = i == items.size() - 1;
                    out.append(key).append(": ");
                    write(item.get(1), indent + Strings.length(key) + 3, last ? allowance + 1 : 1, out);
                    out.append(last ? "" : ",\n" + " ".repeat(indent + 1));
                }
                out.append('}');
            }
            case Tuple tuple
            when !fits -> writeItems(tuple, "(", tuple.size() == 1 ? ",)" : ")", indent, allowance, out);
            case Range _ -> out.append(line);
            case List<?> list when !fits -> writeItems(list, "[", "]", indent, allowance, out);
            case null, default -> out.append(line);
        }
    }

    private static void writeItems(
            List<?> items, String open, String close, int indent, int allowance, TextBuilder out) {
        out.append(open);
        for (int i = 0; i < items.size(); i++) {
            boolean last = i == items.size() - 1;
            write(items.get(i), indent + 1, last ? allowance + close.length() : 1, out);
            out.append(last ? "" : ",\n" + " ".repeat(indent + 1));
        }
        out.append(close);
    }

    private static Object sorted(Object value) {
        if (!(value instanceof Dict) && !(value instanceof List)) {
            return value;
        }
        Budget budget = Budget.current();
        budget.elements(4 * Budget.lengthOf(value));
        budget.enter();
        Object result = sortedContainer(value);
        budget.leave();
        return result;
    }

    private static Object sortedContainer(Object value) {
        return switch (value) {
            case Dict dict -> {
                Dict result = new Dict();
                sortedItems(dict).forEach(item -> result.set(((Tuple) item).get(0), sorted(((Tuple) item).get(1))));
                yield result;
            }
            case Range range -> range;
            case Tuple tuple ->
                new Tuple(tuple.stream().map(PrettyPrinter::sorted).toArray());
            case List<?> list -> {
                List<Object> result = new ArrayList<>(list.size());
                list.forEach(item -> result.add(sorted(item)));
                yield result;
            }
            case null, default -> value;
        };
    }

    private static List<Object> sortedItems(Dict dict) {
        List<Object[]> keyed = new ArrayList<>();
        Dict.View.items(dict).forEach(item -> keyed.add(new Object[] {((Tuple) item).get(0), item}));
        keyed.sort((a, b) -> compare(a[0], b[0]));
        List<Object> result = new ArrayList<>();
        keyed.forEach(pair -> result.add(pair[1]));
        return result;
    }

    /** By value where there is an order, else by the name of the type. */
    private static int compare(Object a, Object b) {
        try {
            return Values.ordered(a, b, "<") ? -1 : Values.ordered(b, a, "<") ? 1 : 0;
        } catch (TemplateException e) {
            if (e.kind() == TemplateException.Kind.LIMIT) {
                throw e;
            }
            return Values.typeName(a).compareTo(Values.typeName(b));
        }
    }
}
