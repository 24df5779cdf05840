package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's str.format, with attributes and items as the sandbox gives them. */
final class StrFormat {

    private static final Pattern SPEC = Pattern.compile(
            "(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\\d+)?([,_])?(?:\\.(\\d+))?([a-zA-Z%])?", Pattern.DOTALL);

    private final Args args;
    private final boolean markup;
    private int automatic;
    private boolean numbered;

    private StrFormat(Args args, boolean markup) {
        this.args = args;
        this.markup = markup;
    }

    static String format(String format, Args args, boolean markup) {
        return new StrFormat(args, markup).fields(format, 2);
    }

    private String fields(String format, int depth) {
        if (depth < 0) {
            throw TemplateException.value("Max string recursion exceeded");
        }
        Budget.current().scanSlowly(2L * format.length());
        TextBuilder out = new TextBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            boolean doubled = i + 1 < format.length() && format.charAt(i + 1) == c;
            if ((c == '{' || c == '}') && doubled) {
                out.append(c);
                i++;
            } else if (c == '}') {
                throw TemplateException.value("Single '}' encountered in format string");
            } else if (c == '{') {
                int end = fieldEnd(format, i + 1);
                out.append(field(format.substring(i + 1, end), depth));
                i = end;
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    private static int fieldEnd(String format, int start) {
        int open = 1;
        for (int i = start; i < format.length(); i++) {
            char c = format.charAt(i);
            open += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (open == 0) {
                return i;
            }
        }
        throw TemplateException.value(
                start == format.length()
                        ? "Single '{' encountered in format string"
                        : "expected '}' before end of string");
    }

    private String field(String field, int depth) {
        int end = nameEnd(field);
        String name = field.substring(0, end);
        char conversion = 0;
        int next = end;
        if (next < field.length() && field.charAt(next) == '!') {
            if (next + 1 >= field.length()) {
                throw TemplateException.value("end of string while looking for conversion specifier");
            }
            conversion = field.charAt(next + 1);
            next += 2;
            if (next < field.length() && field.charAt(next) != ':') {
                throw TemplateException.value("expected ':' after conversion specifier");
            }
        }
        Object value = lookup(name);
        String spec = next < field.length() ? fields(field.substring(next + 1), depth - 1) : "";
        Object converted =
                switch (conversion) {
                    case 0 -> value;
                    case 's' -> Repr.str(value);
                    case 'r', 'a' -> Repr.repr(value);
                    default -> throw TemplateException.value("Unknown conversion specifier '" + conversion + "'");
                };
        if (markup && converted instanceof Markup safe) {
            if (!spec.isEmpty()) {
                throw TemplateException.value("Format specifier " + spec + " given, but Markup has no such format");
            }
            return safe.text();
        }
        String text = format(converted, spec);
        return markup ? Markup.escapeText(text) : text;
    }

    private static int nameEnd(String field) {
        boolean inBrackets = false;
        for (int i = 0; i < field.length(); i++) {
            char c = field.charAt(i);
            if (c == '[') {
                inBrackets = true;
            } else if (c == ']') {
                inBrackets = false;
            } else if (!inBrackets && (c == '!' || c == ':')) {
                return i;
            }
        }
        return field.length();
    }

    private Object lookup(String name) {
        int end = 0;
        while (end < name.length() && name.charAt(end) != '.' && name.charAt(end) != '[') {
            end++;
        }
        Object value = first(name.substring(0, end));
        int i = end;
        while (i < name.length()) {
            if (name.charAt(i) == '.') {
                int next = i + 1;
                while (next < name.length() && name.charAt(next) != '.' && name.charAt(next) != '[') {
                    next++;
                }
                if (next == i + 1) {
                    throw TemplateException.value("Empty attribute in format string");
                }
                value = Attributes.attribute(value, name.substring(i + 1, next));
                i = next;
            } else if (name.charAt(i) == '[') {
                int next = name.indexOf(']', i);
                if (next < 0) {
                    throw TemplateException.value("Missing ']' in format string");
                }
                String key = name.substring(i + 1, next);
                value = Attributes.item(value, isIndex(key) ? (Object) Long.parseLong(key) : key);
                i = next + 1;
            } else {
                throw TemplateException.value("Only '.' or '[' may follow ']' in format field specifier");
            }
        }
        return value;
    }

    private static boolean isIndex(String key) {
        return !key.isEmpty() && key.length() < 10 && key.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private Object first(String key) {
        if (key.isEmpty() || isIndex(key)) {
            if (key.isEmpty() ? numbered : automatic > 0) {
                throw TemplateException.value(
                        "cannot switch from manual field specification to automatic field numbering");
            }
            numbered |= !key.isEmpty();
            int index = key.isEmpty() ? automatic++ : Integer.parseInt(key);
            if (index >= args.positional().length) {
                throw TemplateException.runtime(
                        "Replacement index " + index + " out of range for positional args tuple");
            }
            return args.positional()[index];
        }
        if (!args.keywords().containsKey(key)) {
            throw TemplateException.runtime(Repr.repr(key));
        }
        return args.keywords().get(key);
    }

    /** Python's format(value, spec). */
    static String format(Object value, String spec) {
        if (spec.isEmpty()) {
            return Repr.str(value);
        }
        boolean number = Values.isNumber(value);
        if (!number && Values.text(value) == null) {
            throw TemplateException.type(
                    "unsupported format string passed to " + Values.typeName(value) + ".__format__");
        }
        Matcher matcher = SPEC.matcher(spec);
        if (!matcher.matches()) {
            throw TemplateException.value(
                    "Invalid format specifier '" + spec + "' for object of type '" + Values.typeName(value) + "'");
        }
        boolean zero = matcher.group(6) != null;
        String fill = matcher.group(1) != null ? matcher.group(1) : zero ? "0" : " ";
        String align = matcher.group(2) != null ? matcher.group(2) : zero && number ? "=" : number ? ">" : "<";
        long width = matcher.group(7) == null ? 0 : clamped(matcher.group(7));
        if (!number) {
            return padded("", textBody(Values.text(value), matcher), fill, align, width);
        }
        String sign = sign(value, matcher.group(3));
        String body = numberBody(value, matcher);
        String separator = matcher.group(8);
        if (separator != null && fill.equals("0") && align.equals("=")) {
            body = zeros(body, separator, width - sign.length());
        }
        return padded(sign, body, fill, align, width);
    }

    private static long clamped(String digits) {
        return digits.length() > 9 ? Integer.MAX_VALUE : Long.parseLong(digits);
    }

    private static String textBody(String text, Matcher spec) {
        char type = spec.group(10) == null ? 's' : spec.group(10).charAt(0);
        if (type != 's') {
            throw TemplateException.value("Unknown format code '" + type + "' for object of type 'str'");
        }
        if (spec.group(8) != null) {
            throw TemplateException.value("Cannot specify '" + spec.group(8) + "' with 's'.");
        }
        if (spec.group(3) != null) {
            throw TemplateException.value("Sign not allowed in string format specifier");
        }
        if ("=".equals(spec.group(2))) {
            throw TemplateException.value("'=' alignment not allowed in string format specifier");
        }
        if (spec.group(9) == null) {
            return text;
        }
        return Strings.substring(text, 0, (int) Math.min(clamped(spec.group(9)), Strings.length(text)));
    }

    private static String sign(Object value, String option) {
        boolean negative = value instanceof Double number
                ? NumberFormat.isNegative(number)
                : Numbers.big(value).signum() < 0;
        return negative ? "-" : option == null || option.equals("-") ? "" : option;
    }

    private static String numberBody(Object value, Matcher spec) {
        boolean alternate = spec.group(5) != null;
        String typeText = spec.group(10);
        char type = typeText == null ? (value instanceof Double ? 0 : 'd') : typeText.charAt(0);
        String text;
        boolean general = type == 'n' && value instanceof Double;
        if ("bcdoxXn".indexOf(type) >= 0 && type != 0 && !general) {
            if (value instanceof Double) {
                throw unknownCode(type, value);
            }
            if (type == 'c') {
                return NumberFormat.character(value);
            }
            if (spec.group(9) != null) {
                throw TemplateException.value("Precision not allowed in integer format specifier");
            }
            if (typeText == null && value instanceof Boolean && spec.group(8) == null) {
                return NumberFormat.digits(value, 'd');
            }
            text = NumberFormat.digits(value, type);
            text = grouped(text, spec.group(8), type == 'd' || type == 'n' ? 3 : 4);
            return alternate && "boxX".indexOf(type) >= 0 ? "0" + type + text : text;
        }
        double number = Numbers.toDouble(value);
        int precision = spec.group(9) == null ? -1 : (int) Math.min(clamped(spec.group(9)), NumberFormat.PRECISION_MAX);
        switch (type) {
            case 0 ->
                text = precision < 0
                        ? Repr.floating(Math.abs(number))
                        : withPoint(NumberFormat.magnitude(number, 'g', precision, alternate), number);
            case 'n' -> text = NumberFormat.magnitude(number, 'g', precision < 0 ? 6 : precision, alternate);
            case 'e', 'E', 'f', 'F', 'g', 'G' ->
                text = NumberFormat.magnitude(number, type, precision < 0 ? 6 : precision, alternate);
            case '%' ->
                text = NumberFormat.magnitude(number * 100, 'f', precision < 0 ? 6 : precision, alternate) + "%";
            default -> throw unknownCode(type, value);
        }
        return grouped(text, spec.group(8), 3);
    }

    private static String withPoint(String text, double number) {
        boolean plain = text.indexOf('.') < 0 && text.indexOf('e') < 0 && Double.isFinite(number);
        return plain ? text + ".0" : text;
    }

    private static TemplateException unknownCode(char type, Object value) {
        return TemplateException.value(
                "Unknown format code '" + type + "' for object of type '" + Values.typeName(value) + "'");
    }

    /** Zeros before the digits up to a width: they take part in the grouping, and so may exceed it by a separator. */
    private static String zeros(String body, String separator, long width) {
        long missing = width - body.length();
        if (missing <= 0) {
            return body;
        }
        String plain = body.replace(separator, "");
        int digits = digits(plain);
        long room = width - (plain.length() - digits);
        // Each group of three digits but the first takes a separator too.
        long all = room - room / 4 + (room % 4 == 0 ? 1 : 0);
        return grouped(Strings.repeat("0", all - digits) + plain, separator, 3);
    }

    private static int digits(String text) {
        int end = 0;
        while (end < text.length() && Character.digit(text.charAt(end), 16) >= 0) {
            end++;
        }
        return end;
    }

    private static String grouped(String text, String separator, int size) {
        if (separator == null) {
            return text;
        }
        int end = digits(text);
        TextBuilder out = new TextBuilder();
        int start = 0;
        for (int i = end % size == 0 ? size : end % size; i < end; i += size) {
            out.append(text, start, i).append(separator);
            start = i;
        }
        return out.append(text, start, text.length()).toString();
    }

    private static String padded(String sign, String body, String fill, String align, long width) {
        long missing = width - Strings.length(sign) - Strings.length(body);
        if (missing <= 0) {
            return sign + body;
        }
        return switch (align) {
            case "<" -> sign + body + Strings.repeat(fill, missing);
            case ">" -> Strings.repeat(fill, missing) + sign + body;
            case "=" -> sign + Strings.repeat(fill, missing) + body;
            default -> Strings.repeat(fill, missing / 2) + sign + body + Strings.repeat(fill, missing - missing / 2);
        };
    }
}
