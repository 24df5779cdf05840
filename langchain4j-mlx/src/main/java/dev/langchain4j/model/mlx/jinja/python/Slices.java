package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.util.ArrayList;
import java.util.List;

/** Python's slices. */
public final class Slices {

    private static final String NO_INDEX = "slice indices must be integers or None or have an __index__ method";

    private Slices() {}

    /** {@code object[start:stop:step]}; null stands for what was left out. */
    public static Object slice(Object object, Object start, Object stop, Object step) {
        int length =
                switch (object) {
                    case String text -> Strings.length(text);
                    case Markup markup -> Strings.length(markup.text());
                    case List<?> list -> list.size();
                    case Undefined undefined -> throw undefined.failure();
                    case Dict _ -> throw TemplateException.type("unhashable type: 'slice'");
                    case null, default ->
                        throw TemplateException.type("'" + Values.typeName(object) + "' object is not subscriptable");
                };
        long by = step == null ? 1 : Numbers.index(step, NO_INDEX);
        if (by == 0) {
            throw TemplateException.value("slice step cannot be zero");
        }
        long from = start == null ? (by > 0 ? 0 : length - 1) : bound(Numbers.index(start, NO_INDEX), length, by);
        long to = stop == null ? (by > 0 ? length : -1) : bound(Numbers.index(stop, NO_INDEX), length, by);
        return switch (object) {
            case String text -> text(text, from, to, by);
            case Markup markup -> new Markup(text(markup.text(), from, to, by));
            case Tuple tuple -> new Tuple(items(tuple, from, to, by).toArray());
            case Range range ->
                new Range(
                        Math.addExact(range.start, Math.multiplyExact(from, range.step)),
                        Math.addExact(range.start, Math.multiplyExact(to, range.step)),
                        Math.multiplyExact(range.step, by));
            case List<?> list -> items(list, from, to, by);
            default -> throw new AssertionError(object);
        };
    }

    private static long bound(long index, int length, long step) {
        long position = index < 0 ? index + length : index;
        long lowest = step > 0 ? 0 : -1;
        long highest = step > 0 ? length : length - 1L;
        return Math.clamp(position, lowest, Math.max(lowest, highest));
    }

    private static String text(String text, long from, long to, long by) {
        if (by == 1) {
            return from >= to ? "" : Strings.substring(text, (int) from, (int) to);
        }
        Budget.current().scanSlowly(text.length());
        Budget.current().made(3L * text.length());
        int[] characters = text.codePoints().toArray();
        TextBuilder out = new TextBuilder();
        for (long i = from; by > 0 ? i < to : i > to; i += by) {
            out.appendCodePoint(characters[(int) i]);
        }
        return out.toString();
    }

    private static List<Object> items(List<?> list, long from, long to, long by) {
        Budget.current().elements(1 + Math.max(0, (to - from) / by));
        if (by == 1) {
            return from >= to ? new ArrayList<>() : new ArrayList<>(list.subList((int) from, (int) to));
        }
        List<Object> result = new ArrayList<>();
        for (long i = from; by > 0 ? i < to : i > to; i += by) {
            result.add(list.get((int) i));
        }
        return result;
    }
}
