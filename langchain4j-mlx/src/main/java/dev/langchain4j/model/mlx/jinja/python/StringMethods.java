package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/** The methods of str. On markup they give markup, and escape the text that they put in. */
public final class StringMethods {

    static final Map<String, Method> ALL;

    /** What a method does; {@code self} is the text, marked as safe or not. */
    private interface Body {
        Object apply(String self, Object[] args, boolean markup);
    }

    private static final Map<String, Method> METHODS = new HashMap<>();

    static {
        transforms();
        strips();
        splits();
        searches();
        predicates();
        pads();
        others();
        METHODS.replaceAll((name, method) -> Origins.keeping(method));
        ALL = Map.copyOf(METHODS);
    }

    private StringMethods() {}

    private static void add(String name, Params params, Body body) {
        METHODS.put(name, new Method(name, params, (render, self, args) -> {
            boolean markup = self instanceof Markup;
            Object result = body.apply(Values.text(self), args, markup);
            return markup ? marked(result) : result;
        }));
    }

    private static Object marked(Object result) {
        if (result instanceof String text) {
            return new Markup(text);
        }
        if (result instanceof Tuple tuple) {
            Budget.current().elements(2L * tuple.size());
            return new Tuple(tuple.stream().map(StringMethods::marked).toArray());
        }
        if (result instanceof List<?> list) {
            Budget.current().elements(2L * list.size());
            List<Object> all = new ArrayList<>(list.size());
            list.forEach(item -> all.add(marked(item)));
            return all;
        }
        return result;
    }

    private static void transform(String name, UnaryOperator<String> body) {
        add(name, Params.NONE, (self, args, markup) -> body.apply(self));
    }

    private static void transforms() {
        transform("upper", Strings::upper);
        transform("lower", Strings::lower);
        transform("casefold", self -> Strings.replace(Strings.lower(self), "ß", "ss", -1));
        transform("capitalize", Strings::capitalize);
        transform("title", Strings::title);
        transform("swapcase", Strings::swapCase);
        add("replace", Params.of("/old", "/new", "/count?"), (self, args, markup) -> {
            String old = string(args[0], "replace() argument 1 must be str, not ");
            String replacement =
                    markup ? Markup.escape(args[1]) : string(args[1], "replace() argument 2 must be str, not ");
            return Strings.replace(self, old, replacement, limit(args[2]));
        });
        add("removeprefix", Params.of("/prefix"), (self, args, markup) -> {
            String prefix = string(args[0], "removeprefix() argument must be str, not ");
            return self.startsWith(prefix) ? copied(self, prefix.length(), self.length()) : self;
        });
        add("removesuffix", Params.of("/suffix"), (self, args, markup) -> {
            String suffix = string(args[0], "removesuffix() argument must be str, not ");
            return self.endsWith(suffix) ? copied(self, 0, self.length() - suffix.length()) : self;
        });
        add(
                "expandtabs",
                Params.of("tabsize?"),
                (self, args, markup) ->
                        expandTabs(self, args[0] == Values.MISSING ? 8 : Math.clamp(Numbers.index(args[0]), 0, 1000)));
    }

    private static String expandTabs(String text, int size) {
        Budget.current().scanSlowly(text.length());
        TextBuilder out = new TextBuilder();
        int column = 0;
        for (int i = 0, c; i < text.length(); i += Character.charCount(c)) {
            c = text.codePointAt(i);
            if (c == '\t') {
                int spaces = size == 0 ? 0 : size - column % size;
                out.append(" ".repeat(spaces));
                column += spaces;
            } else {
                out.appendCodePoint(c);
                column = c == '\n' || c == '\r' ? 0 : column + 1;
            }
        }
        return out.toString();
    }

    private static void strips() {
        strip("strip", true, true);
        strip("lstrip", true, false);
        strip("rstrip", false, true);
    }

    private static void strip(String name, boolean left, boolean right) {
        add(name, Params.of("/chars?"), (self, args, markup) -> {
            String chars = isNone(args[0]) ? null : string(args[0], name + " arg must be None or str, not ");
            return Strings.strip(self, chars, left, right);
        });
    }

    private static void splits() {
        add(
                "split",
                Params.of("sep?", "maxsplit?"),
                (self, args, markup) -> isNone(args[0])
                        ? values(Strings.splitSpaces(self, limit(args[1])))
                        : values(Strings.split(self, separator(args[0]), limit(args[1]))));
        add(
                "rsplit",
                Params.of("sep?", "maxsplit?"),
                (self, args, markup) -> isNone(args[0])
                        ? values(Strings.splitSpacesFromRight(self, limit(args[1])))
                        : values(Strings.splitFromRight(self, separator(args[0]), limit(args[1]))));
        add(
                "splitlines",
                Params.of("keepends?"),
                (self, args, markup) ->
                        values(Strings.splitLines(self, args[0] != Values.MISSING && Values.truth(args[0]))));
        add("partition", Params.of("/sep"), (self, args, markup) -> {
            String separator = separator(args[0]);
            int found = new Needle(separator).in(self, 0);
            return found < 0 ? new Tuple(self, "", "") : parted(self, found, separator);
        });
        add("rpartition", Params.of("/sep"), (self, args, markup) -> {
            String separator = separator(args[0]);
            int found = new Needle(separator).lastIn(self, self.length());
            return found < 0 ? new Tuple("", "", self) : parted(self, found, separator);
        });
        add("join", Params.of("/iterable"), (self, args, markup) -> join(self, args[0], markup));
    }

    private static Tuple parted(String text, int found, String separator) {
        return new Tuple(copied(text, 0, found), separator, copied(text, found + separator.length(), text.length()));
    }

    private static String copied(String text, int start, int end) {
        Budget.current().made(end - start);
        return text.substring(start, end);
    }

    private static List<Object> values(List<String> strings) {
        Budget.current().elements(strings.size());
        return new ArrayList<>(strings);
    }

    private static String separator(Object value) {
        String separator = string(value, "must be str or None, not ");
        if (separator.isEmpty()) {
            throw TemplateException.value("empty separator");
        }
        return separator;
    }

    private static String join(String separator, Object items, boolean markup) {
        if (!Values.isIterable(items)) {
            throw TemplateException.type("can only join an iterable");
        }
        TextBuilder out = new TextBuilder();
        Iterator<Object> iterator = Values.iterate(items);
        for (int i = 0; iterator.hasNext(); i++) {
            Object item = iterator.next();
            String text = markup ? Markup.escape(item) : Values.text(item);
            if (text == null) {
                throw TemplateException.type(
                        "sequence item " + i + ": expected str instance, " + Values.typeName(item) + " found");
            }
            out.append(i == 0 ? "" : separator).append(text);
        }
        return out.toString();
    }

    private static void searches() {
        add(
                "startswith",
                Params.of("/prefix", "/start?", "/end?"),
                (self, args, markup) -> anyAffix("startswith", self, args, true));
        add(
                "endswith",
                Params.of("/suffix", "/start?", "/end?"),
                (self, args, markup) -> anyAffix("endswith", self, args, false));
        Params search = Params.of("/sub", "/start?", "/end?");
        add("find", search, (self, args, markup) -> find(self, args, false));
        add("rfind", search, (self, args, markup) -> find(self, args, true));
        add("index", search, (self, args, markup) -> found(find(self, args, false)));
        add("rindex", search, (self, args, markup) -> found(find(self, args, true)));
        add("count", search, (self, args, markup) -> {
            String window = window(self, args);
            String needle = string(args[0], "must be str, not ");
            return window == null ? 0L : needle.isEmpty() ? Strings.length(window) + 1L : count(window, needle);
        });
    }

    private static long count(String text, String needle) {
        Needle search = new Needle(needle);
        long count = 0;
        for (int at = search.in(text, 0); at >= 0; at = search.in(text, at + needle.length())) {
            count++;
        }
        return count;
    }

    /** The part of the text between the optional bounds in the second and third argument; null when they cross. */
    private static String window(String text, Object[] args) {
        if (isNone(args[1]) && isNone(args[2])) {
            return text;
        }
        int length = Strings.length(text);
        int start = offset(args[1], 0, length);
        int end = Math.min(offset(args[2], length, length), length);
        return start > end ? null : Strings.substring(text, start, end);
    }

    private static int offset(Object value, int otherwise, int length) {
        if (isNone(value)) {
            return otherwise;
        }
        long index = Numbers.index(value, "slice indices must be integers or None or have an __index__ method");
        return (int) Math.clamp(index < 0 ? index + length : index, 0L, length + 1L);
    }

    private static boolean anyAffix(String name, String self, Object[] args, boolean prefix) {
        String window = window(self, args);
        List<?> affixes = args[0] instanceof Tuple tuple ? tuple : new Tuple(args[0]);
        for (Object affix : affixes) {
            String text = Values.text(affix);
            if (text == null) {
                throw TemplateException.type(
                        name + " first arg must be str or a tuple of str, not " + Values.typeName(affix));
            }
            Budget.current().scan(text.length());
            if (window != null && (prefix ? window.startsWith(text) : window.endsWith(text))) {
                return true;
            }
        }
        return false;
    }

    private static long find(String self, Object[] args, boolean last) {
        String needle = string(args[0], "must be str, not ");
        String window = window(self, args);
        int found = -1;
        if (window != null) {
            Needle search = new Needle(needle);
            found = last ? search.lastIn(window, window.length()) : search.in(window, 0);
        }
        if (found < 0) {
            return -1;
        }
        int start = offset(args[1], 0, Strings.length(self));
        return (long) start + window.codePointCount(0, found);
    }

    private static long found(long index) {
        if (index < 0) {
            throw TemplateException.value("substring not found");
        }
        return index;
    }

    private static void predicates() {
        predicate("isspace", Strings::isSpace);
        predicate("isdigit", c -> Character.isDigit(c) || isSuperscript(c));
        predicate("isdecimal", Character::isDigit);
        predicate("isnumeric", c -> Character.isDigit(c) || isNumeric(c));
        predicate("isalpha", Character::isLetter);
        predicate("isalnum", c -> Character.isLetterOrDigit(c) || isNumeric(c));
        add("isascii", Params.NONE, (self, args, markup) -> read(self).chars().allMatch(c -> c < 128));
        add("isprintable", Params.NONE, (self, args, markup) -> read(self)
                .codePoints()
                .allMatch(Repr::isPrintable));
        add(
                "isidentifier",
                Params.NONE,
                (self, args, markup) -> !self.isEmpty()
                        && (self.charAt(0) == '_' || Character.isUnicodeIdentifierStart(self.codePointAt(0)))
                        && read(self).codePoints().allMatch(Character::isUnicodeIdentifierPart));
        add("isupper", Params.NONE, (self, args, markup) -> isUpper(self));
        add("islower", Params.NONE, (self, args, markup) -> isLower(self));
        add(
                "istitle",
                Params.NONE,
                (self, args, markup) ->
                        read(self).codePoints().anyMatch(Strings::isCased) && self.equals(Strings.title(self)));
    }

    public static boolean isUpper(String text) {
        Budget.current().scanSlowly(text.length());
        return text.codePoints().anyMatch(Strings::isCased)
                && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
    }

    public static boolean isLower(String text) {
        Budget.current().scanSlowly(text.length());
        return text.codePoints().anyMatch(Strings::isCased)
                && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
    }

    private static boolean isSuperscript(int c) {
        return c == 0xb2 || c == 0xb3 || c == 0xb9 || (c >= 0x2070 && c <= 0x2089);
    }

    private static boolean isNumeric(int c) {
        int type = Character.getType(c);
        return type == Character.LETTER_NUMBER || type == Character.OTHER_NUMBER;
    }

    private static String read(String text) {
        Budget.current().scanSlowly(text.length());
        return text;
    }

    private static void predicate(String name, IntPredicate test) {
        add(
                name,
                Params.NONE,
                (self, args, markup) ->
                        !self.isEmpty() && read(self).codePoints().allMatch(test));
    }

    private static void pads() {
        Params pad = Params.of("/width", "/fillchar?");
        add("center", pad, (self, args, markup) -> Strings.center(self, fill(args[1], markup), Numbers.index(args[0])));
        add(
                "ljust",
                pad,
                (self, args, markup) -> Strings.padRight(self, fill(args[1], markup), Numbers.index(args[0])));
        add("rjust", pad, (self, args, markup) -> Strings.padLeft(self, fill(args[1], markup), Numbers.index(args[0])));
        add("zfill", Params.of("/width"), (self, args, markup) -> {
            boolean signed = self.startsWith("+") || self.startsWith("-");
            String zeros = Strings.repeat("0", Strings.margin(self, Numbers.index(args[0])));
            TextBuilder out = new TextBuilder();
            if (signed) {
                out.append(self.charAt(0));
            }
            return out.append(zeros).append(self, signed ? 1 : 0, self.length()).toString();
        });
    }

    private static String fill(Object value, boolean markup) {
        if (value == Values.MISSING) {
            return " ";
        }
        String fill =
                markup ? Markup.escape(value) : string(value, "The fill character must be a unicode character, not ");
        if (Strings.length(fill) != 1) {
            throw TemplateException.type("The fill character must be exactly one character long");
        }
        return fill;
    }

    private static void others() {
        METHODS.put(
                "format",
                Method.free(
                        "format",
                        (render, self, args) ->
                                marked(self, StrFormat.format(Values.text(self), args, self instanceof Markup))));
        METHODS.put("format_map", new Method("format_map", Params.of("/mapping"), (render, self, args) -> {
            if (!(args[0] instanceof Dict dict)) {
                throw TemplateException.type("format_map() takes a mapping, not " + Values.typeName(args[0]));
            }
            Map<String, Object> named = new HashMap<>();
            dict.forEach((key, value) -> {
                render.budget.entry();
                named.put(Repr.str(key), value);
            });
            boolean markup = self instanceof Markup;
            return marked(self, StrFormat.format(Values.text(self), new Args(new Object[0], named), markup));
        }));
    }

    private static Object marked(Object self, String result) {
        return self instanceof Markup ? new Markup(result) : result;
    }

    private static boolean isNone(Object value) {
        return value == null || value == Values.MISSING;
    }

    private static String string(Object value, String message) {
        String text = Values.text(value);
        if (text == null) {
            throw TemplateException.type(message + Values.typeName(value));
        }
        return text;
    }

    private static long limit(Object value) {
        return value == Values.MISSING ? -1 : Numbers.index(value);
    }
}
