package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** Python's float formats e, f, g and %, rounded to even on the exact value. */
public final class NumberFormat {

    /** More digits than any use, fewer than would exhaust memory. */
    static final int PRECISION_MAX = 10_000;

    private NumberFormat() {}

    /**
     * Formats the magnitude of a number; the sign is the caller's.
     *
     * @param type e, f, g or an upper-case one of them
     * @param alternate whether a g keeps its trailing zeros
     */
    public static String magnitude(double number, char type, int precision, boolean alternate) {
        boolean upper = Character.isUpperCase(type);
        String text;
        double magnitude = Math.abs(number);
        if (!Double.isFinite(magnitude)) {
            text = Double.isNaN(magnitude) ? "nan" : "inf";
        } else {
            Budget.current().steps(8 + 3L * precision);
            BigDecimal value = new BigDecimal(magnitude);
            text = switch (Character.toLowerCase(type)) {
                case 'e' -> exponent(value, precision);
                case 'f' -> fixed(value, precision, alternate);
                default -> general(value, Math.max(precision, 1), alternate);
            };
        }
        return upper ? text.toUpperCase(Locale.ROOT) : text;
    }

    private static String fixed(BigDecimal value, int precision, boolean alternate) {
        String text = value.setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
        return alternate && precision == 0 ? text + "." : text;
    }

    private static String exponent(BigDecimal value, int precision) {
        if (value.signum() == 0) {
            return "0" + (precision > 0 ? "." + "0".repeat(precision) : "") + "e+00";
        }
        BigDecimal rounded = value.round(new MathContext(precision + 1, RoundingMode.HALF_EVEN));
        StringBuilder digits = new StringBuilder(rounded.unscaledValue().toString());
        int exponent = digits.length() - 1 - rounded.scale();
        while (digits.length() < precision + 1) {
            digits.append('0');
        }
        digits.setLength(precision + 1);
        if (precision > 0) {
            digits.insert(1, '.');
        }
        String magnitude = Integer.toString(Math.abs(exponent));
        return digits + (exponent < 0 ? "e-" : "e+") + (magnitude.length() < 2 ? "0" : "") + magnitude;
    }

    private static String general(BigDecimal value, int precision, boolean alternate) {
        if (value.signum() == 0) {
            return alternate && precision > 1 ? "0." + "0".repeat(precision - 1) : "0";
        }
        BigDecimal rounded = value.round(new MathContext(precision, RoundingMode.HALF_EVEN));
        int exponent = rounded.precision() - 1 - rounded.scale();
        String text;
        if (exponent < -4 || exponent >= precision) {
            text = exponent(value, precision - 1);
            return alternate
                    ? text
                    : withoutZeros(text.substring(0, text.indexOf('e'))) + text.substring(text.indexOf('e'));
        }
        text = value.setScale(precision - 1 - exponent, RoundingMode.HALF_EVEN).toPlainString();
        return alternate ? text : withoutZeros(text);
    }

    private static String withoutZeros(String text) {
        if (text.indexOf('.') < 0) {
            return text;
        }
        int end = text.length();
        while (text.charAt(end - 1) == '0') {
            end--;
        }
        return text.substring(0, text.charAt(end - 1) == '.' ? end - 1 : end);
    }

    /** The character of a code point. */
    static String character(Object codePoint) {
        long code = Numbers.index(codePoint);
        if (code < 0 || code > Character.MAX_CODE_POINT) {
            throw TemplateException.runtime("%c arg not in range(0x110000)");
        }
        return Character.toString((int) code);
    }

    static boolean isNegative(double number) {
        return number < 0 || (number == 0 && 1 / number < 0);
    }

    /** The digits of an integer in a radix, without sign or prefix. */
    static String digits(Object integer, char type) {
        int radix =
                switch (type) {
                    case 'x', 'X' -> 16;
                    case 'o' -> 8;
                    case 'b' -> 2;
                    default -> 10;
                };
        Budget.current().digits(integer, null, 50);
        String text = radix == 10
                ? Repr.integer(Numbers.integer(Numbers.big(integer).abs()))
                : Numbers.big(integer).abs().toString(radix);
        return type == 'X' ? text.toUpperCase(Locale.ROOT) : text;
    }
}
