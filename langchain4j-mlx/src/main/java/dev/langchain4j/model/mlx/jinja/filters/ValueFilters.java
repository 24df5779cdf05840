package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateException.Kind;
import dev.langchain4j.model.mlx.jinja.python.Attributes;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.NumberFormat;
import dev.langchain4j.model.mlx.jinja.python.Numbers;
import dev.langchain4j.model.mlx.jinja.python.Operators;
import dev.langchain4j.model.mlx.jinja.python.Params;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Strings;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.math.BigInteger;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** The filters that work on single values: defaults, numbers, attributes, JSON. */
final class ValueFilters {

    private static final Pattern FLOAT =
            Pattern.compile("[-+]?(\\d[\\d_]*+\\.?[\\d_]*+|\\.\\d[\\d_]*+)([eE][-+]?\\d++)?");

    private ValueFilters() {}

    static void register(Map<String, Filter> all) {
        Filter otherwise = Filter.of("default", Params.of("default_value?", "boolean?"), (v, a) -> {
            boolean replaced = v instanceof Undefined || (Filters.flag(a[1]) && !Values.truth(v));
            return replaced ? Filters.orDefault(a[0], "") : v;
        });
        all.put("default", otherwise);
        all.put("d", otherwise);
        all.put("tojson", JsonWriter::filter);
        Filters.add(all, "abs", Params.NONE, (v, a) -> abs(v));
        Filters.add(all, "int", Params.of("default?", "base?"), ValueFilters::toInt);
        Filters.add(all, "float", Params.of("default?"), (v, a) -> {
            Object number = parseFloat(v);
            return number == null ? Filters.orDefault(a[0], 0.0) : number;
        });
        Filters.add(all, "round", Params.of("precision?", "method?"), ValueFilters::round);
        Filters.add(all, "attr", Params.of("name"), (v, a) -> attribute(v, a[0]));
        Filters.add(all, "filesizeformat", Params.of("binary?"), (v, a) -> fileSize(v, Filters.flag(a[0])));
        Filters.add(all, "pprint", Params.NONE, (v, a) -> PrettyPrinter.format(v));
    }

    private static Object abs(Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (!Values.isNumber(value)) {
            throw TemplateException.type("bad operand type for abs(): '" + Values.typeName(value) + "'");
        }
        return Numbers.abs(value);
    }

    private static Object toInt(Object value, Object[] a) {
        Object otherwise = Filters.orDefault(a[0], 0L);
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (value instanceof Double number) {
            return Double.isNaN(number) ? otherwise : Numbers.truncate(number);
        }
        if (Numbers.isInteger(value)) {
            return Operators.plus(value);
        }
        String text = Values.text(value);
        if (text == null) {
            return otherwise;
        }
        BigInteger number = parseInt(text, Numbers.index(Filters.orDefault(a[1], 10L)));
        if (number != null) {
            return Numbers.integer(number);
        }
        Object fallback = parseFloat(text);
        return fallback instanceof Double d && Double.isFinite(d) ? Numbers.truncate(d) : otherwise;
    }

    /** Python's int(text, base); null when it is none. */
    private static BigInteger parseInt(String text, long base) {
        if (base != 0 && (base < 2 || base > 36)) {
            return null;
        }
        Budget.current().scanSlowly(2L * text.length());
        String digits = Strings.strip(text, null, true, true);
        boolean negative = digits.startsWith("-");
        if (negative || digits.startsWith("+")) {
            digits = digits.substring(1);
        }
        String prefix = digits.length() > 1 ? digits.substring(0, 2).toLowerCase(Locale.ROOT) : "";
        long prefixed =
                switch (prefix) {
                    case "0x" -> 16;
                    case "0o" -> 8;
                    case "0b" -> 2;
                    default -> 0;
                };
        long radix = base == 0 ? (prefixed == 0 ? 10 : prefixed) : base;
        if (prefixed != 0 && prefixed == radix) {
            digits = digits.substring(2);
            digits = digits.startsWith("_") ? digits.substring(1) : digits;
        } else if (base == 0 && digits.length() > 1 && digits.startsWith("0") && !digits.matches("[0_]+")) {
            return null;
        }
        if (digits.isEmpty() || digits.startsWith("_") || digits.endsWith("_") || digits.contains("__")) {
            return null;
        }
        String plain = digits.replace("_", "");
        if (!plain.chars().allMatch(c -> Character.digit(c, (int) radix) >= 0) || plain.length() > 4300) {
            return null;
        }
        BigInteger number = new BigInteger(plain, (int) radix);
        return negative ? number.negate() : number;
    }

    /** Python's float(value); null when it is none. */
    private static Object parseFloat(Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (Values.isNumber(value)) {
            return Numbers.toDouble(value);
        }
        String given = Values.text(value);
        if (given == null) {
            return null;
        }
        Budget.current().scanSlowly(2L * given.length());
        String text = Strings.strip(given, null, true, true);
        String word = text.toLowerCase(Locale.ROOT).replaceFirst("^[-+]", "");
        double sign = text.startsWith("-") ? -1 : 1;
        if (word.equals("inf") || word.equals("infinity")) {
            return sign * Double.POSITIVE_INFINITY;
        }
        if (word.equals("nan")) {
            return Double.NaN;
        }
        boolean wrongUnderscore = text.contains("__") || text.matches(".*(_(\\D|$)|\\D_).*");
        if (!FLOAT.matcher(text).matches() || wrongUnderscore) {
            return null;
        }
        return Double.parseDouble(text.replace("_", ""));
    }

    private static Object round(Object value, Object[] a) {
        Object precision = Filters.orDefault(a[0], 0L);
        Object method = Filters.orDefault(a[1], "common");
        if (!"common".equals(method) && !"ceil".equals(method) && !"floor".equals(method)) {
            throw TemplateException.runtime("method must be common, ceil or floor");
        }
        if (value instanceof Undefined undefined) {
            throw undefined.failure();
        }
        if (!Values.isNumber(value)) {
            throw TemplateException.type("type " + Values.typeName(value) + " doesn't define __round__ method");
        }
        if (method.equals("common")) {
            return precision == null
                    ? Numbers.truncate(Math.rint(Numbers.toDouble(value)))
                    : Numbers.round(value, Math.clamp(Numbers.index(precision), -10_000, 10_000));
        }
        Object scale = Numbers.power(10L, precision);
        Object scaled = Operators.multiply(value, scale);
        Object whole = method.equals("ceil") ? Numbers.ceil(scaled) : Numbers.floor(scaled);
        return Numbers.divide(whole, scale);
    }

    private static Object attribute(Object value, Object name) {
        String text = Values.text(name);
        if (text == null) {
            throw TemplateException.type("attribute name must be string, not '" + Values.typeName(name) + "'");
        }
        if (value instanceof Dict dict && !Attributes.isDictMember(text)) {
            return Undefined.member(dict, text);
        }
        return Attributes.attribute(value, text);
    }

    private static String fileSize(Object value, boolean binary) {
        Object number = parseFloat(value);
        if (number == null) {
            throw new TemplateException(
                    Values.text(value) == null ? Kind.TYPE : Kind.VALUE,
                    "could not convert to float: " + Repr.repr(value));
        }
        double bytes = (Double) number;
        double base = binary ? 1024 : 1000;
        if (bytes == 1) {
            return "1 Byte";
        }
        if (bytes < base) {
            return Repr.str(Numbers.truncate(bytes)) + " Bytes";
        }
        String[] prefixes = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
        double unit = base;
        int i = 0;
        while (i < prefixes.length - 1 && bytes >= unit * base) {
            unit *= base;
            i++;
        }
        String prefix = binary ? prefixes[i].toUpperCase(Locale.ROOT) + "iB" : prefixes[i] + "B";
        return NumberFormat.magnitude(bytes / unit, 'f', 1, false) + " " + prefix;
    }
}
