package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** What Python does with any value: types, truth, equality, order, length, iteration, membership. */
public final class Values {

    /** No value at all, where null is Python's None. */
    public static final Object MISSING = new Object();

    private Values() {}

    public static String typeName(Object value) {
        return switch (value) {
            case null -> "NoneType";
            case String _ -> "str";
            case Boolean _ -> "bool";
            case Long _, BigInteger _ -> "int";
            case Double _ -> "float";
            case Dict _ -> "dict";
            case Tuple _ -> "tuple";
            case Range _ -> "range";
            case List<?> _ -> "list";
            case Lazy lazy -> lazy.type;
            case Dict.View view -> view.part().type;
            case PyObject object -> object.type();
            default -> value.getClass().getSimpleName();
        };
    }

    /** The type as messages about missing attributes name it. */
    static String qualifiedTypeName(Object value) {
        return switch (value) {
            case null -> "None";
            case Markup _ -> "markupsafe.Markup object";
            case Undefined _ -> "jinja2.runtime.Undefined object";
            case PyObject object -> object.module() + object.type() + " object";
            default -> typeName(value) + " object";
        };
    }

    public static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Boolean bool -> bool;
            case String text -> !text.isEmpty();
            case Undefined _ -> false;
            case Collection<?> items -> !items.isEmpty();
            case Map<?, ?> dict -> !dict.isEmpty();
            case Long number -> number != 0;
            case Double number -> number != 0;
            case BigInteger number -> number.signum() != 0;
            case Markup markup -> !markup.text().isEmpty();
            case Dict.View view -> !view.dict().isEmpty();
            default -> true;
        };
    }

    /** The text of a str, marked as safe or not; null for other types. */
    public static String text(Object value) {
        return value instanceof String text ? text : value instanceof Markup markup ? markup.text() : null;
    }

    public static boolean isNumber(Object value) {
        return value instanceof Long
                || value instanceof Double
                || value instanceof Boolean
                || value instanceof BigInteger;
    }

    public static boolean equal(Object a, Object b) {
        if (a == b) {
            return !(a instanceof Double number && number.isNaN());
        }
        return switch (a) {
            case null -> false;
            case String text -> equalTexts(text, text(b));
            case Markup markup -> equalTexts(markup.text(), text(b));
            case Long _, Double _, Boolean _, BigInteger _ -> isNumber(b) && Numbers.compare(a, b) == 0;
            case Undefined _ -> b instanceof Undefined;
            case Dict dict -> b instanceof Dict other && equalDicts(dict, other);
            case Range range -> b instanceof Range other && equalLists(range, other);
            case Tuple tuple -> b instanceof Tuple other && equalLists(tuple, other);
            case List<?> list ->
                b instanceof List<?> other && !(b instanceof Tuple) && !(b instanceof Range) && equalLists(list, other);
            case Dict.View view ->
                b instanceof Dict.View other
                        && view.part() == other.part()
                        && view.part() != Dict.View.Part.VALUES
                        && equalDicts(view.dict(), other.dict());
            default -> false;
        };
    }

    private static boolean equalTexts(String a, String b) {
        if (b == null || a.length() != b.length()) {
            return false;
        }
        if (a.length() > 64) {
            Budget.current().scan(a.length());
        }
        return a.equals(b);
    }

    private static boolean equalLists(List<?> a, List<?> b) {
        if (a.size() != b.size()) {
            return false;
        }
        Budget budget = Budget.current();
        budget.enter();
        boolean equal = true;
        for (int i = 0; i < a.size() && equal; i++) {
            budget.step();
            Object x = a.get(i);
            Object y = b.get(i);
            equal = x == y || equal(x, y);
        }
        budget.leave();
        return equal;
    }

    private static boolean equalDicts(Dict a, Dict b) {
        if (a.size() != b.size()) {
            return false;
        }
        Budget budget = Budget.current();
        budget.enter();
        boolean equal = true;
        Iterator<Map.Entry<Object, Object>> entries = a.entrySet().iterator();
        while (entries.hasNext() && equal) {
            budget.step();
            Map.Entry<Object, Object> entry = entries.next();
            Object other = b.find(entry.getKey());
            equal = other != MISSING && (other == entry.getValue() || equal(entry.getValue(), other));
        }
        budget.leave();
        return equal;
    }

    /**
     * Whether a is before b; {@code operator} is for the message when the types have no order.
     *
     * @param operator one of {@code <}, {@code <=}, {@code >}, {@code >=}
     */
    public static boolean ordered(Object a, Object b, String operator) {
        if (a instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (b instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (isNumber(a) && isNumber(b)) {
            if (isNan(a) || isNan(b)) {
                return false;
            }
            return holds(Numbers.compare(a, b), operator);
        }
        String left = text(a);
        String right = text(b);
        if (left != null && right != null) {
            return holds(Strings.compare(left, right), operator);
        }
        boolean sameLists = a instanceof Tuple
                ? b instanceof Tuple
                : a instanceof List && b instanceof List && !(b instanceof Tuple);
        if (sameLists && !(a instanceof Range) && !(b instanceof Range)) {
            return orderedLists((List<?>) a, (List<?>) b, operator);
        }
        throw TemplateException.type("'" + operator + "' not supported between instances of '" + typeName(a) + "' and '"
                + typeName(b) + "'");
    }

    private static boolean orderedLists(List<?> a, List<?> b, String operator) {
        int common = Math.min(a.size(), b.size());
        Budget budget = Budget.current();
        budget.enter();
        for (int i = 0; i < common; i++) {
            budget.step();
            if (!equal(a.get(i), b.get(i))) {
                boolean ordered = ordered(a.get(i), b.get(i), operator);
                budget.leave();
                return ordered;
            }
        }
        budget.leave();
        return holds(Integer.compare(a.size(), b.size()), operator);
    }

    private static boolean holds(int comparison, String operator) {
        return switch (operator) {
            case "<" -> comparison < 0;
            case "<=" -> comparison <= 0;
            case ">" -> comparison > 0;
            default -> comparison >= 0;
        };
    }

    private static boolean isNan(Object value) {
        return value instanceof Double number && number.isNaN();
    }

    /** The length, or -1 for what has none. */
    public static int lengthOrNegative(Object value) {
        return switch (value) {
            case null -> -1;
            case String text -> Strings.length(text);
            case Markup markup -> Strings.length(markup.text());
            case Collection<?> items -> items.size();
            case Map<?, ?> dict -> dict.size();
            case Dict.View view -> view.dict().size();
            case Undefined _ -> 0;
            case PyObject.Iterable items -> items.length();
            default -> -1;
        };
    }

    public static long length(Object value) {
        int length = lengthOrNegative(value);
        if (length < 0) {
            throw TemplateException.type("object of type '" + typeName(value) + "' has no len()");
        }
        return length;
    }

    public static boolean isIterable(Object value) {
        return value instanceof Collection
                || value instanceof Map
                || value instanceof String
                || value instanceof Markup
                || value instanceof Undefined
                || value instanceof Lazy
                || value instanceof Dict.View
                || value instanceof PyObject.Iterable;
    }

    public static Iterator<Object> iterate(Object value) {
        return switch (value) {
            case Lazy lazy -> lazy.iterator();
            case Dict dict -> readOnly(dict.keySet().iterator());
            case List<?> list -> readOnly(list.iterator());
            case Dict.View view -> view.list().iterator();
            case String text -> Strings.characters(text);
            case Markup markup -> Strings.characters(markup.text());
            case Undefined _ -> List.<Object>of().iterator();
            case PyObject.Iterable items -> items.items();
            case null, default -> throw TemplateException.type("'" + typeName(value) + "' object is not iterable");
        };
    }

    @SuppressWarnings("unchecked") // an iterator is only read from
    private static Iterator<Object> readOnly(Iterator<?> iterator) {
        return (Iterator<Object>) iterator;
    }

    /** A new list of everything in an iterable. */
    public static List<Object> list(Object value) {
        Budget budget = Budget.current();
        if (value instanceof List<?> list) {
            budget.elements(list.size());
            budget.steps(list instanceof Range ? list.size() : 0);
            return new ArrayList<>(list);
        }
        List<Object> result = new ArrayList<>();
        Iterator<Object> items = iterate(value);
        while (items.hasNext()) {
            budget.elements(1);
            result.add(items.next());
        }
        return result;
    }

    public static boolean contains(Object container, Object item) {
        switch (container) {
            case Dict dict -> {
                return dict.contains(item);
            }
            case Dict.View view
            when view.part() == Dict.View.Part.KEYS -> {
                return view.dict().contains(item);
            }
            case String text -> {
                return new Needle(needle(item)).in(text, 0) >= 0;
            }
            case Markup markup -> {
                return new Needle(needle(item)).in(markup.text(), 0) >= 0;
            }
            case null -> throw notIterableArgument(null);
            default -> {
                if (!isIterable(container)) {
                    throw notIterableArgument(container);
                }
                Iterator<Object> items = iterate(container);
                Budget budget = Budget.current();
                while (items.hasNext()) {
                    budget.step();
                    Object candidate = items.next();
                    if (candidate == item || equal(candidate, item)) {
                        return true;
                    }
                }
                return false;
            }
        }
    }

    private static TemplateException notIterableArgument(Object container) {
        return TemplateException.type("argument of type '" + typeName(container) + "' is not iterable");
    }

    private static String needle(Object item) {
        String needle = text(item);
        if (needle == null) {
            throw TemplateException.type("'in <string>' requires string as left operand, not " + typeName(item));
        }
        return needle;
    }

    public static void checkHashable(Object key) {
        boolean view = key instanceof Dict.View dictView && dictView.part() != Dict.View.Part.VALUES;
        if (view
                || key instanceof Dict
                || (key instanceof List && !(key instanceof Tuple) && !(key instanceof Range))) {
            throw TemplateException.type("unhashable type: '" + typeName(key) + "'");
        }
        if (key instanceof Tuple tuple) {
            Budget budget = Budget.current();
            budget.enter();
            budget.steps(tuple.size());
            tuple.forEach(Values::checkHashable);
            budget.leave();
        }
    }

    /** A value that equals in Java when it equals in Python, for hashing. */
    public static Object hashKey(Object value) {
        checkHashable(value);
        Budget.current().scan(Budget.lengthOf(value));
        return hashable(value);
    }

    private static Object hashable(Object value) {
        return switch (value) {
            case Boolean bool -> bool ? 1L : 0L;
            case Double number when number == Math.rint(number) && Double.isFinite(number) -> Numbers.truncate(number);
            case Markup markup -> markup.text();
            case Tuple tuple -> {
                Budget.current().elements(tuple.size());
                yield tuple.stream().map(Values::hashable).toList();
            }
            case Undefined _ -> Undefined.class;
            case null -> MISSING;
            default -> value;
        };
    }

    /** Stable sort by Python's {@code <}, which may fail. */
    public static void sort(List<Object[]> keyed, boolean reverse) {
        List<Object[]> sorted = mergeSort(keyed, reverse);
        for (int i = 0; i < keyed.size(); i++) {
            keyed.set(i, sorted.get(i));
        }
    }

    private static List<Object[]> mergeSort(List<Object[]> items, boolean reverse) {
        if (items.size() < 2) {
            return new ArrayList<>(items);
        }
        int middle = items.size() / 2;
        List<Object[]> left = mergeSort(items.subList(0, middle), reverse);
        List<Object[]> right = mergeSort(items.subList(middle, items.size()), reverse);
        List<Object[]> merged = new ArrayList<>(items.size());
        int i = 0;
        int j = 0;
        while (i < left.size() && j < right.size()) {
            Budget.current().steps(4);
            Object a = left.get(i)[0];
            Object b = right.get(j)[0];
            boolean rightFirst = reverse ? ordered(a, b, "<") : ordered(b, a, "<");
            merged.add(rightFirst ? right.get(j++) : left.get(i++));
        }
        merged.addAll(left.subList(i, left.size()));
        merged.addAll(right.subList(j, right.size()));
        return merged;
    }
}
