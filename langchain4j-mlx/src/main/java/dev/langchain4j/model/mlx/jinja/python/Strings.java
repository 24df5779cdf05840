package dev.langchain4j.model.mlx.jinja.python;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.NoSuchElementException;

/** Strings as Python counts them: by code point, not by UTF-16 unit. */
public final class Strings {

    /** From this length on reading a string through counts as work of its own. */
    private static final int LONG = 64;

    private static final String[] ASCII = new String[128];

    static {
        for (int i = 0; i < ASCII.length; i++) {
            ASCII[i] = String.valueOf((char) i);
        }
    }

    private Strings() {}

    /** Whether each character is one UTF-16 unit. */
    static boolean isSimple(String text) {
        return length(text) == text.length();
    }

    public static int length(String text) {
        if (text.length() > LONG) {
            Budget.current().scan(text.length());
        }
        return text.codePointCount(0, text.length());
    }

    static String character(int codePoint) {
        return codePoint < 128 ? ASCII[codePoint] : Character.toString(codePoint);
    }

    /** A number in so many hexadecimal digits. */
    public static String hex(int number, int digits) {
        return HexFormat.of().toHexDigits(number, digits);
    }

    /** The characters one after the other, each as a string. */
    static Iterator<Object> characters(String text) {
        Budget budget = Budget.current();
        return new Iterator<>() {
            private int position;

            @Override
            public boolean hasNext() {
                return position < text.length();
            }

            @Override
            public Object next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                budget.step();
                int c = text.codePointAt(position);
                position += Character.charCount(c);
                return character(c);
            }
        };
    }

    /** The character at a Python index, or null when out of range. */
    static String at(String text, long index) {
        if (index >= text.length() || index < -text.length()) {
            return null;
        }
        Budget.current().scan(Math.abs(index));
        try {
            int offset = text.offsetByCodePoints(index < 0 ? text.length() : 0, (int) index);
            return offset == text.length() ? null : character(text.codePointAt(offset));
        } catch (IndexOutOfBoundsException e) {
            return null;
        }
    }

    /** The substring between two code point offsets. */
    public static String substring(String text, int start, int end) {
        Budget.current().made(Math.max(0, end - start));
        if (isSimple(text)) {
            return text.substring(start, end);
        }
        int from = text.offsetByCodePoints(0, start);
        return text.substring(from, text.offsetByCodePoints(from, end - start));
    }

    static int compare(String a, String b) {
        int common = Math.min(a.length(), b.length());
        Budget.current().scan(common);
        for (int i = 0; i < common; i++) {
            char x = a.charAt(i);
            char y = b.charAt(i);
            if (x != y) {
                return Character.isSurrogate(x) == Character.isSurrogate(y)
                        ? Character.compare(x, y)
                        : Character.isSurrogate(x) ? 1 : -1;
            }
        }
        return Integer.compare(a.length(), b.length());
    }

    /** Python's str.isspace for one character. */
    public static boolean isSpace(int c) {
        return (c >= 9 && c <= 13)
                || (c >= 0x1c && c <= 0x20)
                || c == 0x85
                || c == 0xa0
                || c == 0x1680
                || (c >= 0x2000 && c <= 0x200a)
                || c == 0x2028
                || c == 0x2029
                || c == 0x202f
                || c == 0x205f
                || c == 0x3000;
    }

    /** Strips from the ends what is whitespace, or in {@code chars} where that is not null. */
    public static String strip(String text, String chars, boolean left, boolean right) {
        Budget budget = Budget.current();
        int cost = chars == null ? 0 : chars.length() >> 4;
        int start = 0;
        int end = text.length();
        while (left && start < end) {
            int c = text.codePointAt(start);
            if (!strippable(c, chars)) {
                break;
            }
            budget.steps(cost);
            start += Character.charCount(c);
        }
        while (right && end > start) {
            int c = text.codePointBefore(end);
            if (!strippable(c, chars)) {
                break;
            }
            budget.steps(cost);
            end -= Character.charCount(c);
        }
        budget.scan(4L * (text.length() - end + start));
        budget.made(end - start);
        return text.substring(start, end);
    }

    private static boolean strippable(int c, String chars) {
        return chars == null ? isSpace(c) : chars.indexOf(c) >= 0;
    }

    private static boolean isLineBreak(char c) {
        return (c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
    }

    public static List<String> splitLines(String text, boolean keepEnds) {
        Parts lines = new Parts();
        Budget.current().scan(text.length());
        int start = 0;
        int i = 0;
        while (i < text.length()) {
            char c = text.charAt(i++);
            if (isLineBreak(c)) {
                int end = i - 1;
                if (c == '\r' && i < text.length() && text.charAt(i) == '\n') {
                    i++;
                }
                lines.add(text, start, keepEnds ? i : end);
                start = i;
            }
        }
        if (start < text.length()) {
            lines.add(text, start, text.length());
        }
        return lines.list;
    }

    /** The parts of a string, as they are found. */
    private static final class Parts {
        private final List<String> list = new ArrayList<>();
        private final Budget budget = Budget.current();

        void add(String text, int start, int end) {
            budget.elements(1);
            budget.made(end - start);
            list.add(text.substring(start, end));
        }
    }

    public static List<String> split(String text, String separator, long limit) {
        Parts parts = new Parts();
        Needle needle = new Needle(separator);
        int start = 0;
        int found;
        while ((limit < 0 || parts.list.size() < limit) && (found = needle.in(text, start)) >= 0) {
            parts.add(text, start, found);
            start = found + separator.length();
        }
        parts.add(text, start, text.length());
        return parts.list;
    }

    public static List<String> splitFromRight(String text, String separator, long limit) {
        Parts parts = new Parts();
        Needle needle = new Needle(separator);
        int end = text.length();
        int found;
        while ((limit < 0 || parts.list.size() < limit) && (found = needle.lastIn(text, end)) >= 0) {
            parts.add(text, found + separator.length(), end);
            end = found;
        }
        parts.add(text, 0, end);
        return parts.list.reversed();
    }

    public static List<String> splitSpaces(String text, long limit) {
        Parts parts = new Parts();
        parts.budget.scan(text.length());
        int i = 0;
        while (true) {
            while (i < text.length() && isSpace(text.charAt(i))) {
                i++;
            }
            if (i == text.length()) {
                return parts.list;
            }
            if (limit >= 0 && parts.list.size() >= limit) {
                parts.add(text, i, text.length());
                return parts.list;
            }
            int start = i;
            while (i < text.length() && !isSpace(text.charAt(i))) {
                i++;
            }
            parts.add(text, start, i);
        }
    }

    static List<String> splitSpacesFromRight(String text, long limit) {
        Parts parts = new Parts();
        parts.budget.scan(text.length());
        int i = text.length();
        while (true) {
            while (i > 0 && isSpace(text.charAt(i - 1))) {
                i--;
            }
            if (i == 0) {
                return parts.list.reversed();
            }
            if (limit >= 0 && parts.list.size() >= limit) {
                parts.add(text, 0, i);
                return parts.list.reversed();
            }
            int end = i;
            while (i > 0 && !isSpace(text.charAt(i - 1))) {
                i--;
            }
            parts.add(text, i, end);
        }
    }

    /**
     * Replaces at most {@code limit} occurrences, all when it is negative; an empty {@code old} is between all
     * characters.
     */
    public static String replace(String text, String old, String replacement, long limit) {
        if (limit == 0) {
            return text;
        }
        long left = limit < 0 ? Long.MAX_VALUE : limit;
        if (old.isEmpty()) {
            return spread(text, replacement, left);
        }
        Needle needle = new Needle(old);
        int found = needle.in(text, 0);
        if (found < 0) {
            return text;
        }
        TextBuilder out = new TextBuilder();
        int start = 0;
        for (; found >= 0 && left > 0; left--) {
            out.append(text, start, found).append(replacement);
            start = found + old.length();
            found = needle.in(text, start);
        }
        return out.append(text, start, text.length()).toString();
    }

    private static String spread(String text, String replacement, long limit) {
        TextBuilder out = new TextBuilder();
        long left = limit;
        for (int i = 0; i < text.length(); ) {
            if (left > 0) {
                out.append(replacement);
                left--;
            }
            int c = text.codePointAt(i);
            out.appendCodePoint(c);
            i += Character.charCount(c);
        }
        return left > 0 ? out.append(replacement).toString() : out.toString();
    }

    public static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        Budget.current().made(text.length());
        int first = text.codePointAt(0);
        return titleCase(first) + lower(text.substring(Character.charCount(first)));
    }

    static String title(String text) {
        Budget.current().scanSlowly(text.length());
        Budget.current().made(2L * text.length());
        StringBuilder out = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            out.append(inWord ? lower(Character.toString(c)) : titleCase(c));
            inWord = isCased(c);
            i += Character.charCount(c);
        }
        return out.toString();
    }

    static boolean isCased(int c) {
        return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }

    private static String titleCase(int c) {
        int title = Character.toTitleCase(c);
        if (title != c) {
            return Character.toString(title);
        }
        String upper = upper(Character.toString(c));
        int first = upper.codePointAt(0);
        return Character.toString(first) + lower(upper.substring(Character.charCount(first)));
    }

    public static String upper(String text) {
        beforeCasing(text);
        return text.toUpperCase(Locale.ROOT);
    }

    public static String lower(String text) {
        beforeCasing(text);
        return text.toLowerCase(Locale.ROOT);
    }

    /** Some characters become up to three. */
    private static void beforeCasing(String text) {
        if (text.length() > LONG) {
            Budget.current().checkRoom(3L * text.length());
            Budget.current().scan(2L * text.length());
            Budget.current().made(text.length());
        }
    }

    static String swapCase(String text) {
        Budget.current().checkRoom(3L * text.length());
        Budget.current().scanSlowly(text.length());
        Budget.current().made(2L * text.length());
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints()
                .forEach(c -> out.append(
                        Character.isUpperCase(c) ? lower(Character.toString(c)) : upper(Character.toString(c))));
        return out.toString();
    }

    public static String repeat(String text, long times) {
        if (times <= 0 || text.isEmpty()) {
            return "";
        }
        boolean tooLong = times > Integer.MAX_VALUE || text.length() * times > Integer.MAX_VALUE;
        Budget.current().made(tooLong ? Integer.MAX_VALUE : text.length() * times);
        return text.repeat((int) times);
    }

    /** How many characters a text lacks to be so wide. */
    static long margin(String text, long width) {
        return Math.max(0, Math.max(0, width) - length(text));
    }

    static String padLeft(String text, String fill, long width) {
        return (String) Operators.add(repeat(fill, margin(text, width)), text);
    }

    static String padRight(String text, String fill, long width) {
        return (String) Operators.add(text, repeat(fill, margin(text, width)));
    }

    public static String center(String text, String fill, long width) {
        long margin = margin(text, width);
        if (margin == 0) {
            return text;
        }
        long left = margin / 2 + (margin & width & 1);
        return (String) Operators.add(Operators.add(repeat(fill, left), text), repeat(fill, margin - left));
    }
}
