package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Markup;
import dev.langchain4j.model.mlx.jinja.python.Numbers;
import dev.langchain4j.model.mlx.jinja.python.Params;
import dev.langchain4j.model.mlx.jinja.python.Range;
import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Strings;
import dev.langchain4j.model.mlx.jinja.python.TextBuilder;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.math.BigInteger;
import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Writes JSON character for character as Python's json.dumps does. */
final class JsonWriter {

    private final boolean asciiOnly;
    /** What a level of nesting is indented by; null for everything on one line. */
    private final String indent;

    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sortKeys;
    private final TextBuilder out = new TextBuilder();
    private final Budget budget = Budget.current();
    private int depth;

    JsonWriter(boolean asciiOnly, String indent, String itemSeparator, String keySeparator, boolean sortKeys) {
        this.asciiOnly = asciiOnly;
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.sortKeys = sortKeys;
    }

    private static final Params PARAMS = Params.of("ensure_ascii?", "indent?", "separators?", "sort_keys?");

    /** The filter tojson. */
    static Object filter(Render render, Object value, Args args) {
        Object[] bound = PARAMS.bind("tojson", args);
        boolean asciiOnly = bound[0] != Values.MISSING && Values.truth(bound[0]);
        boolean sortKeys = bound[3] != Values.MISSING && Values.truth(bound[3]);
        String indent = indent(bound[1]);
        String itemSeparator = indent == null ? ", " : ",";
        String keySeparator = ": ";
        if (bound[2] != Values.MISSING && bound[2] != null) {
            List<Object> separators = Values.list(bound[2]);
            if (separators.size() != 2) {
                throw TemplateException.value("separators must be a pair, but there are " + separators.size());
            }
            itemSeparator = separator(separators.get(0));
            keySeparator = separator(separators.get(1));
        }
        JsonWriter writer = new JsonWriter(asciiOnly, indent, itemSeparator, keySeparator, sortKeys);
        writer.write(value);
        return writer.out.toString();
    }

    private static String indent(Object value) {
        if (value == Values.MISSING || value == null) {
            return null;
        }
        String text = Values.text(value);
        return text != null ? text : Strings.repeat(" ", Numbers.index(value));
    }

    private static String separator(Object value) {
        String text = Values.text(value);
        if (text == null) {
            throw TemplateException.type("a separator must be str, not " + Values.typeName(value));
        }
        return text;
    }

    private void write(Object value) {
        budget.step();
        if (depth > 400) {
            throw TemplateException.runtime("maximum recursion depth exceeded while encoding a JSON object");
        }
        switch (value) {
            case null -> out.append("null");
            case String text -> string(text);
            case Boolean bool -> out.append(bool ? "true" : "false");
            case Long number -> out.append(number.longValue());
            case Double number -> out.append(number(number));
            case BigInteger number -> out.append(Repr.integer(number));
            case Markup markup -> string(markup.text());
            case Dict dict -> dict(dict);
            case Range _ -> throw notSerializable(value);
            case List<?> list -> list(list);
            default -> throw notSerializable(value);
        }
    }

    private static TemplateException notSerializable(Object value) {
        return TemplateException.type("Object of type " + Values.typeName(value) + " is not JSON serializable");
    }

    private static String number(double number) {
        if (Double.isNaN(number)) {
            return "NaN";
        }
        return Double.isInfinite(number) ? (number > 0 ? "Infinity" : "-Infinity") : Repr.floating(number);
    }

    private void list(List<?> list) {
        if (list.isEmpty()) {
            out.append("[]");
            return;
        }
        out.append('[');
        depth++;
        Iterator<?> items = list.iterator();
        while (items.hasNext()) {
            newline();
            write(items.next());
            if (items.hasNext()) {
                out.append(itemSeparator);
            }
        }
        depth--;
        newline();
        out.append(']');
    }

    private void dict(Dict dict) {
        if (dict.isEmpty()) {
            out.append("{}");
            return;
        }
        out.append('{');
        depth++;
        Iterator<Map.Entry<Object, Object>> entries = entries(dict).iterator();
        while (entries.hasNext()) {
            Map.Entry<Object, Object> entry = entries.next();
            newline();
            string(key(entry.getKey()));
            out.append(keySeparator);
            write(entry.getValue());
            if (entries.hasNext()) {
                out.append(itemSeparator);
            }
        }
        depth--;
        newline();
        out.append('}');
    }

    private Iterable<Map.Entry<Object, Object>> entries(Dict dict) {
        if (!sortKeys) {
            return dict.entrySet();
        }
        budget.elements(8L * dict.size());
        List<Object[]> keyed = new ArrayList<>();
        dict.entrySet().forEach(entry -> keyed.add(new Object[] {entry.getKey()}));
        Values.sort(keyed, false);
        List<Map.Entry<Object, Object>> sorted = new ArrayList<>();
        for (Object[] pair : keyed) {
            sorted.add(new AbstractMap.SimpleEntry<>(pair[0], dict.get(pair[0])));
        }
        return sorted;
    }

    private static String key(Object key) {
        return switch (key) {
            case String text -> text;
            case Boolean bool -> bool ? "true" : "false";
            case null -> "null";
            case Double number -> number(number);
            case Long _, BigInteger _ -> Repr.integer(key);
            default ->
                throw TemplateException.type("keys must be str, int, float, bool or None, not " + Values.typeName(key));
        };
    }

    private void newline() {
        if (indent != null) {
            out.append('\n');
            for (int i = 0; i < depth; i++) {
                out.append(indent);
            }
        }
    }

    private void string(String text) {
        budget.scan(2L * text.length());
        out.append('"');
        int plain = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c >= 0x20 && c != '"' && c != '\\' && (!asciiOnly || c < 0x7f)) {
                continue;
            }
            out.append(text, plain, i);
            plain = i + 1;
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\f' -> out.append("\\f");
                case '\b' -> out.append("\\b");
                default -> out.append("\\u").append(Strings.hex(c, 4));
            }
        }
        out.append(text, plain, text.length()).append('"');
    }
}
