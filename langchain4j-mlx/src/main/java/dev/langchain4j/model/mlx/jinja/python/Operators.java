package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;

/** Python's operators on values of any type. */
public final class Operators {

    private Operators() {}

    public static Object add(Object a, Object b) {
        if (a instanceof String x && b instanceof String y) {
            Budget.current().made((long) x.length() + y.length());
            return x.concat(y);
        }
        checkDefined(a, b);
        if (Values.isNumber(a) && Values.isNumber(b)) {
            return Numbers.add(a, b);
        }
        if (a instanceof Markup || b instanceof Markup) {
            if (Values.text(a) != null && Values.text(b) != null) {
                return new Markup(new TextBuilder()
                        .append(Markup.escape(a))
                        .append(Markup.escape(b))
                        .toString());
            }
        }
        if (a instanceof Tuple x && b instanceof Tuple y) {
            return new Tuple(joined(x, y).toArray());
        }
        if (isList(a) && isList(b)) {
            return joined((List<?>) a, (List<?>) b);
        }
        if (Values.text(a) != null || isList(a) || a instanceof Tuple) {
            String type = Values.typeName(a);
            throw TemplateException.type(
                    "can only concatenate " + type + " (not \"" + Values.typeName(b) + "\") to " + type);
        }
        throw unsupported("+", a, b);
    }

    private static boolean isList(Object value) {
        return value instanceof List && !(value instanceof Tuple) && !(value instanceof Range);
    }

    private static List<Object> joined(List<?> a, List<?> b) {
        Budget.current().elements((long) a.size() + b.size());
        List<Object> result = new ArrayList<>(a.size() + b.size());
        result.addAll(a);
        result.addAll(b);
        return result;
    }

    public static Object subtract(Object a, Object b) {
        return numeric("-", a, b, Numbers::subtract);
    }

    public static Object multiply(Object a, Object b) {
        checkDefined(a, b);
        if (Values.isNumber(a) && Values.isNumber(b)) {
            return Numbers.multiply(a, b);
        }
        if (isSequence(a) && Numbers.isInteger(b)) {
            return repeat(a, b);
        }
        if (Numbers.isInteger(a) && isSequence(b)) {
            return repeat(b, a);
        }
        if (isSequence(a) || isSequence(b)) {
            Object other = isSequence(a) ? b : a;
            throw TemplateException.type("can't multiply sequence by non-int of type '" + Values.typeName(other) + "'");
        }
        throw unsupported("*", a, b);
    }

    private static boolean isSequence(Object value) {
        return value instanceof String || value instanceof Markup || value instanceof Tuple || isList(value);
    }

    private static Object repeat(Object sequence, Object count) {
        if (count instanceof BigInteger) {
            throw TemplateException.runtime("cannot fit 'int' into an index-sized integer");
        }
        long times = Numbers.index(count);
        if (sequence instanceof String text) {
            return Strings.repeat(text, times);
        }
        if (sequence instanceof Markup markup) {
            return new Markup(Strings.repeat(markup.text(), times));
        }
        List<?> items = (List<?>) sequence;
        List<Object> result = new ArrayList<>();
        if (times > 0 && !items.isEmpty()) {
            Budget.current().elements(times > Integer.MAX_VALUE ? Long.MAX_VALUE : items.size() * times);
            for (long i = 0; i < times; i++) {
                result.addAll(items);
            }
        }
        return sequence instanceof Tuple ? new Tuple(result.toArray()) : result;
    }

    public static Object divide(Object a, Object b) {
        return numeric("/", a, b, Numbers::divide);
    }

    public static Object floorDivide(Object a, Object b) {
        return numeric("//", a, b, Numbers::floorDivide);
    }

    public static Object modulo(Object a, Object b) {
        if (a instanceof String || a instanceof Markup) {
            return Printf.format(a, b);
        }
        return numeric("%", a, b, Numbers::modulo);
    }

    public static Object power(Object a, Object b) {
        return numeric("** or pow()", a, b, Numbers::power);
    }

    private static Object numeric(String operator, Object a, Object b, BinaryOperator<Object> operation) {
        checkDefined(a, b);
        if (!Values.isNumber(a) || !Values.isNumber(b)) {
            throw unsupported(operator, a, b);
        }
        return operation.apply(a, b);
    }

    public static Object negate(Object value) {
        return Numbers.negate(unary("-", value));
    }

    public static Object plus(Object value) {
        Object number = unary("+", value);
        return number instanceof Boolean ? Numbers.integer(Numbers.big(number)) : number;
    }

    private static Object unary(String operator, Object value) {
        checkDefined(value, null);
        if (!Values.isNumber(value)) {
            throw TemplateException.type(
                    "bad operand type for unary " + operator + ": '" + Values.typeName(value) + "'");
        }
        return value;
    }

    private static void checkDefined(Object a, Object b) {
        if (a instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (b instanceof Undefined undefined) {
            throw undefined.failure();
        }
    }

    private static TemplateException unsupported(String operator, Object a, Object b) {
        return TemplateException.type("unsupported operand type(s) for " + operator + ": '" + Values.typeName(a)
                + "' and '" + Values.typeName(b) + "'");
    }
}
