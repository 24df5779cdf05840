package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.StableOrder;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Copies a caller's values into the engine's, so that their number of classes is known and nothing outside can
 * change.
 */
public final class Inputs {

    private static final int DEPTH_MAX = 500;
    /** What a template writes beside a string, about. */
    private static final int CHARS_BESIDE = 8;

    private static final int CHARS_MAX = 1 << 24;

    private final List<?> traced;
    private final Budget budget = Budget.current();
    private final Origins origins;
    private long chars;

    /**
     * @param traced the list whose elements are to be recognised
     * @param origins gets what marks say; null where there are none
     */
    public Inputs(List<?> traced, Origins origins) {
        this.traced = traced;
        this.origins = origins;
    }

    public Map<String, Object> convert(Map<String, ?> context) {
        Map<String, Object> result = HashMap.newHashMap(context.size());
        context.forEach((name, value) -> result.put(name, value(value, name, 0)));
        return result;
    }

    /** About how many chars a text has that shows all of them once. */
    public int chars() {
        return (int) Math.min(CHARS_MAX, chars);
    }

    private Object value(Object value, String path, int depth) {
        if (depth > DEPTH_MAX) {
            throw new IllegalArgumentException(path + " is nested more than " + DEPTH_MAX + " deep");
        }
        budget.step();
        return switch (value) {
            case null -> null;
            case String text -> text(text);
            case Boolean bool -> bool;
            case Long number -> number;
            case Double number -> number;
            case Map<?, ?> map -> dict(map, path, depth);
            case Collection<?> items -> list(items, path, depth);
            case Integer number -> number.longValue();
            case Short number -> number.longValue();
            case Byte number -> number.longValue();
            case BigInteger number -> Numbers.integer(number);
            case Float number -> number.doubleValue();
            case BigDecimal number -> number.doubleValue();
            case Character character -> character.toString();
            default ->
                throw new IllegalArgumentException(path + " is of " + value.getClass()
                        + ", but a template takes only null, Boolean, String, numbers, Collection and Map");
        };
    }

    private String text(String text) {
        chars += text.length() + CHARS_BESIDE;
        return origins == null ? text : origins.input(text);
    }

    private Dict dict(Map<?, ?> map, String path, int depth) {
        Dict result = new Dict(map.size() * 4 / 3 + 1);
        for (Map.Entry<?, ?> entry : StableOrder.entries(map)) {
            Object key = entry.getKey();
            Object value = entry.getValue();
            if (key instanceof String name) {
                result.put(text(name), value(value, name, depth + 1));
            } else {
                if (key instanceof Map || key instanceof Collection) {
                    throw new IllegalArgumentException(path + " has a key of " + key.getClass());
                }
                result.set(value(key, path, depth + 1), value(value, path, depth + 1));
            }
        }
        return result;
    }

    private List<Object> list(Collection<?> items, String path, int depth) {
        List<Object> result = new ArrayList<>(items.size());
        for (Object item : StableOrder.items(items)) {
            Object converted = value(item, path, depth + 1);
            if (items == traced && converted instanceof Dict dict) {
                dict.traceIndex = result.size();
            }
            result.add(converted);
        }
        return result;
    }
}
