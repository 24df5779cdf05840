package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;

/** Python's str() and repr(). */
public final class Repr {

    /** Python refuses to print longer integers. */
    private static final int INT_DIGITS_MAX = 4300;

    private Repr() {}

    public static String str(Object value) {
        return switch (value) {
            case String text -> text;
            case Markup markup -> markup.text();
            case Long number -> Long.toString(number);
            case Undefined _ -> "";
            case null, default -> repr(value);
        };
    }

    public static String repr(Object value) {
        if (value instanceof String text) {
            TextBuilder out = new TextBuilder();
            quote(text, out);
            return out.toString();
        }
        TextBuilder out = new TextBuilder();
        write(value, out, 0);
        return out.toString();
    }

    private static void write(Object value, TextBuilder out, int depth) {
        out.step();
        if (depth > 400) {
            throw TemplateException.runtime("maximum recursion depth exceeded while getting the repr of an object");
        }
        switch (value) {
            case null -> out.append("None");
            case String text -> quote(text, out);
            case Boolean bool -> out.append(bool ? "True" : "False");
            case Long number -> out.append(number.longValue());
            case BigInteger number -> out.append(integer(number));
            case Double number -> out.append(floating(number));
            case Dict dict -> writeDict(dict, out, depth);
            case Tuple tuple -> {
                writeItems("(", tuple, "", out, depth);
                out.append(tuple.size() == 1 ? ",)" : ")");
            }
            case Range range -> {
                out.append("range(").append(range.start).append(", ").append(range.stop);
                out.append(range.step == 1 ? ")" : ", " + range.step + ")");
            }
            case List<?> list -> writeItems("[", list, "]", out, depth);
            case Undefined _ -> out.append("Undefined");
            case Markup markup -> {
                out.append("Markup(");
                quote(markup.text(), out);
                out.append(')');
            }
            case Dict.View view -> {
                writeItems(view.part().type + "([", view.list(), "])", out, depth);
            }
            case Namespace namespace -> {
                out.append("<Namespace ");
                writeDict(namespace.attributes(), out, depth);
                out.append('>');
            }
            case PyObject object -> out.append(object.describe());
            default -> out.append('<').append(Values.typeName(value)).append(" object>");
        }
    }

    private static void writeItems(String open, List<?> items, String close, TextBuilder out, int depth) {
        out.append(open);
        for (int i = 0; i < items.size(); i++) {
            if (i > 0) {
                out.append(", ");
            }
            write(items.get(i), out, depth + 1);
        }
        out.append(close);
    }

    private static void writeDict(Dict dict, TextBuilder out, int depth) {
        out.append('{');
        boolean first = true;
        for (Map.Entry<Object, Object> entry : dict.entrySet()) {
            if (!first) {
                out.append(", ");
            }
            first = false;
            write(entry.getKey(), out, depth + 1);
            out.append(": ");
            write(entry.getValue(), out, depth + 1);
        }
        out.append('}');
    }

    private static void quote(String text, TextBuilder out) {
        Budget.current().scanSlowly(text.length());
        char mark = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(mark);
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c == mark) {
                        out.append('\\').append(mark);
                    } else if (isPrintable(c)) {
                        out.appendCodePoint(c);
                    } else {
                        escape(c, out);
                    }
                }
            }
        }
        out.append(mark);
    }

    private static void escape(int c, TextBuilder out) {
        if (c < 0x100) {
            out.append("\\x").append(Strings.hex(c, 2));
        } else if (c < 0x10000) {
            out.append("\\u").append(Strings.hex(c, 4));
        } else {
            out.append("\\U").append(Strings.hex(c, 8));
        }
    }

    /** Python's str.isprintable for one character. */
    static boolean isPrintable(int c) {
        if (c < 0x7f) {
            return c >= 0x20;
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR -> false;
            default -> true;
        };
    }

    public static String integer(Object value) {
        if (value instanceof BigInteger big && big.bitLength() > INT_DIGITS_MAX * 10 / 3) {
            throw TemplateException.value(
                    "Exceeds the limit (" + INT_DIGITS_MAX + " digits) for integer string conversion");
        }
        Budget.current().digits(value, null, 16);
        return value.toString();
    }

    /** The shortest decimal that reads back as the same number, as Python lays it out. */
    public static String floating(double number) {
        if (Double.isNaN(number)) {
            return "nan";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "inf" : "-inf";
        }
        if (number == 0) {
            return 1 / number < 0 ? "-0.0" : "0.0";
        }
        BigDecimal decimal = new BigDecimal(Double.toString(Math.abs(number))).stripTrailingZeros();
        if (decimal.precision() == 2) {
            // Java prints two digits at least, Python one where that is enough.
            BigDecimal shorter = decimal.round(new MathContext(1, RoundingMode.HALF_EVEN));
            decimal = shorter.doubleValue() == Math.abs(number) ? shorter.stripTrailingZeros() : decimal;
        }
        String digits = decimal.unscaledValue().toString();
        int point = digits.length() - decimal.scale();
        String sign = number < 0 ? "-" : "";
        if (point <= -4 || point > 16) {
            String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
            int exponent = point - 1;
            return sign + digits.charAt(0) + fraction + "e" + (exponent < 0 ? "-" : "+")
                    + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
        }
        if (point <= 0) {
            return sign + "0." + "0".repeat(-point) + digits;
        }
        if (point >= digits.length()) {
            return sign + digits + "0".repeat(point - digits.length()) + ".0";
        }
        return sign + digits.substring(0, point) + "." + digits.substring(point);
    }
}
