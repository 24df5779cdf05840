package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.util.List;

/** Python's {@code %} on strings. */
public final class Printf {

    private final String format;
    private final Object arguments;
    private final boolean markup;
    private final TextBuilder out = new TextBuilder();
    private int position;
    private int used;

    private boolean left;
    private boolean plus;
    private boolean space;
    private boolean zero;
    private boolean alternate;
    private long width;
    private long precision;

    private Printf(String format, Object arguments, boolean markup) {
        this.format = format;
        this.arguments = arguments;
        this.markup = markup;
    }

    /** The format with the arguments put in: a tuple's items, a dict's by name, or any other value as the only one. */
    public static Object format(Object format, Object arguments) {
        boolean markup = format instanceof Markup;
        Printf printf = new Printf(Values.text(format), arguments, markup);
        printf.run();
        String text = printf.out.toString();
        return markup ? new Markup(text) : text;
    }

    private void run() {
        while (position < format.length()) {
            int percent = format.indexOf('%', position);
            if (percent < 0) {
                out.append(format, position, format.length());
                break;
            }
            out.append(format, position, percent);
            position = percent + 1;
            directive();
            out.step();
        }
        boolean mapping = arguments instanceof Dict
                || arguments instanceof Undefined
                || (arguments instanceof List && !(arguments instanceof Tuple));
        if (!mapping && used < (arguments instanceof Tuple tuple ? tuple.size() : 1)) {
            throw TemplateException.type("not all arguments converted during string formatting");
        }
    }

    private char next() {
        if (position == format.length()) {
            throw TemplateException.value("incomplete format");
        }
        return format.charAt(position++);
    }

    private void directive() {
        Object named = Values.MISSING;
        if (position < format.length() && format.charAt(position) == '(') {
            int end = format.indexOf(')', position);
            if (end < 0) {
                throw TemplateException.value("incomplete format key");
            }
            named = named(format.substring(position + 1, end));
            position = end + 1;
        }
        flags();
        width = number();
        if (width < 0) {
            width = -width;
            left = true;
        }
        precision = -1;
        if (position < format.length() && format.charAt(position) == '.') {
            position++;
            precision = number();
        }
        while (position < format.length() && "hlL".indexOf(format.charAt(position)) >= 0) {
            position++;
        }
        char type = next();
        if (type == '%') {
            out.append('%');
            return;
        }
        convert(type, named == Values.MISSING ? argument() : named);
    }

    private Object named(String key) {
        if (!(arguments instanceof Dict dict)) {
            throw TemplateException.type("format requires a mapping");
        }
        Object value = dict.find(key);
        if (value == Values.MISSING) {
            throw TemplateException.runtime(Repr.repr(key));
        }
        return value;
    }

    private void flags() {
        left = plus = space = zero = alternate = false;
        while (position < format.length()) {
            switch (format.charAt(position)) {
                case '-' -> left = true;
                case '+' -> plus = true;
                case ' ' -> space = true;
                case '0' -> zero = true;
                case '#' -> alternate = true;
                default -> {
                    return;
                }
            }
            position++;
        }
    }

    private long number() {
        if (position < format.length() && format.charAt(position) == '*') {
            position++;
            return Numbers.index(argument(), "* wants int");
        }
        long value = 0;
        while (position < format.length() && format.charAt(position) >= '0' && format.charAt(position) <= '9') {
            value = Math.min(value * 10 + format.charAt(position++) - '0', Integer.MAX_VALUE);
        }
        return value;
    }

    private Object argument() {
        if (arguments instanceof Tuple tuple) {
            if (used == tuple.size()) {
                throw TemplateException.type("not enough arguments for format string");
            }
            return tuple.get(used++);
        }
        if (used++ > 0) {
            throw TemplateException.type("not enough arguments for format string");
        }
        return arguments;
    }

    private void convert(char type, Object value) {
        switch (type) {
            case 's' -> text(markup ? Markup.escape(value) : Repr.str(value));
            case 'r' -> text(escaped(Repr.repr(value)));
            case 'a' -> text(escaped(Repr.repr(value)));
            case 'c' -> {
                String text = Values.text(value);
                if (text == null) {
                    text = NumberFormat.character(Numbers.index(value, "%c requires int or char"));
                }
                if (Strings.length(text) != 1) {
                    throw TemplateException.type("%c requires int or char");
                }
                text(escaped(text));
            }
            case 'd', 'i', 'u' -> integer(type, value, true);
            case 'x', 'X', 'o' -> integer(type, value, false);
            case 'e', 'E', 'f', 'F', 'g', 'G' -> floating(type, value);
            default ->
                throw TemplateException.value("unsupported format character '" + type + "' (0x"
                        + Integer.toHexString(type) + ") at index " + (position - 1));
        }
    }

    private String escaped(String text) {
        return markup ? Markup.escapeText(text) : text;
    }

    private void text(String text) {
        boolean cut = precision >= 0 && precision < Strings.length(text);
        pad("", cut ? Strings.substring(text, 0, (int) precision) : text, false);
    }

    private void integer(char type, Object value, boolean fromFloat) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        Object integer = fromFloat && value instanceof Double number ? Numbers.truncate(number) : value;
        if (!Numbers.isInteger(integer)) {
            throw TemplateException.type("%" + type + " format: " + (fromFloat ? "a real number" : "an integer")
                    + " is required, not " + Values.typeName(value));
        }
        String digits = NumberFormat.digits(integer, type);
        digits = Strings.repeat("0", precision - digits.length()) + digits;
        String prefix = alternate && type != 'd' && type != 'i' && type != 'u' ? "0" + type : "";
        pad(sign(Numbers.big(integer).signum() < 0) + prefix, digits, true);
    }

    private void floating(char type, Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (!Values.isNumber(value)) {
            throw TemplateException.type("must be real number, not " + Values.typeName(value));
        }
        double number = Numbers.toDouble(value);
        int digits = precision < 0 ? 6 : (int) Math.min(precision, NumberFormat.PRECISION_MAX);
        pad(sign(NumberFormat.isNegative(number)), NumberFormat.magnitude(number, type, digits, alternate), true);
    }

    private String sign(boolean negative) {
        return negative ? "-" : plus ? "+" : space ? " " : "";
    }

    private void pad(String prefix, String body, boolean numeric) {
        long missing = width - Strings.length(prefix) - Strings.length(body);
        if (left) {
            out.append(prefix).append(body).append(Strings.repeat(" ", missing));
        } else if (zero && numeric) {
            out.append(prefix).append(Strings.repeat("0", missing)).append(body);
        } else {
            out.append(Strings.repeat(" ", missing)).append(prefix).append(body);
        }
    }
}
