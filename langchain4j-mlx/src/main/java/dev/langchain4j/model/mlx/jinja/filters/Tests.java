package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Markup;
import dev.langchain4j.model.mlx.jinja.python.Operators;
import dev.langchain4j.model.mlx.jinja.python.Params;
import dev.langchain4j.model.mlx.jinja.python.PyObject;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.StringMethods;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.function.Predicate;

/** The tests of {@code is}. */
public final class Tests {

    private static final Map<String, Filter> ALL = new HashMap<>();

    static {
        test("defined", value -> !(value instanceof Undefined));
        test("undefined", value -> value instanceof Undefined);
        test("none", value -> value == null);
        test("boolean", value -> value instanceof Boolean);
        test("false", Boolean.FALSE::equals);
        test("true", Boolean.TRUE::equals);
        test("integer", value -> value instanceof Long || value instanceof BigInteger);
        test("float", value -> value instanceof Double);
        test("number", Values::isNumber);
        test("string", value -> value instanceof String || value instanceof Markup);
        test("mapping", value -> value instanceof Dict);
        test(
                "sequence",
                value -> value instanceof String
                        || value instanceof Undefined
                        || value instanceof Markup
                        || value instanceof Dict
                        || value instanceof List);
        test("iterable", Values::isIterable);
        test("callable", value -> value instanceof PyObject.Callable || value instanceof Undefined);
        test("escaped", value -> value instanceof Markup);
        test("lower", value -> StringMethods.isLower(Repr.str(value)));
        test("upper", value -> StringMethods.isUpper(Repr.str(value)));
        test("odd", value -> Values.equal(Operators.modulo(value, 2L), 1L));
        test("even", value -> Values.equal(Operators.modulo(value, 2L), 0L));
        test("filter", value -> named(value, Filters::find));
        test("test", value -> named(value, Tests::find));
        test("divisibleby", "num", (value, number) -> Values.equal(Operators.modulo(value, number), 0L));
        test("sameas", "other", Tests::same);
        test("in", "seq", (value, container) -> Values.contains(container, value));
        alias("==", Values::equal, "eq", "equalto");
        alias("!=", (a, b) -> !Values.equal(a, b), "ne");
        alias("<", (a, b) -> Values.ordered(a, b, "<"), "lt", "lessthan");
        alias("<=", (a, b) -> Values.ordered(a, b, "<="), "le");
        alias(">", (a, b) -> Values.ordered(a, b, ">"), "gt", "greaterthan");
        alias(">=", (a, b) -> Values.ordered(a, b, ">="), "ge");
    }

    private Tests() {}

    /** The test of a name, or null. */
    public static Filter find(String name) {
        return ALL.get(name);
    }

    private static void test(String name, Predicate<Object> test) {
        ALL.put(name, (render, value, args) -> {
            if (!args.isEmpty()) {
                Params.NONE.bind(name, args);
            }
            return test.test(value);
        });
    }

    private static void test(String name, String parameter, BiPredicate<Object, Object> test) {
        ALL.put(name, Filter.of(name, Params.of(parameter), (value, args) -> test.test(value, args[0])));
    }

    private static void alias(String operator, BiPredicate<Object, Object> test, String... names) {
        test(operator, "/b", test);
        for (String name : names) {
            test(name, "/b", test);
        }
    }

    private static boolean named(Object value, Function<String, Filter> registry) {
        Values.checkHashable(value);
        return Values.text(value) != null && registry.apply(Values.text(value)) != null;
    }

    /** Identity: of small values Python has one object each, so that equality of the same type tells. */
    private static boolean same(Object a, Object b) {
        if (a == b) {
            return true;
        }
        boolean simple = a instanceof Boolean || a instanceof Long || a instanceof String;
        return simple && a.equals(b);
    }
}
