package dev.langchain4j.model.mlx.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Strings as Python counts them: by code point, not by UTF-16 unit. */
final class Strings {

    private static final String[] ASCII = new String[128];

    static {
        for (int i = 0; i < ASCII.length; i++) {
            ASCII[i] = String.valueOf((char) i);
        }
    }

    private Strings() {}

    static boolean isSimple(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    static String character(int codePoint) {
        return codePoint < 128 ? ASCII[codePoint] : Character.toString(codePoint);
    }

    static List<Object> characters(String text) {
        List<Object> result = new ArrayList<>(text.length());
        text.codePoints().forEach(c -> result.add(character(c)));
        return result;
    }

    /** The character at a Python index, or null when out of range. */
    static String at(String text, long index) {
        int length = length(text);
        long position = index < 0 ? index + length : index;
        if (position < 0 || position >= length) {
            return null;
        }
        return character(text.codePointAt(text.offsetByCodePoints(0, (int) position)));
    }

    /** The substring between two code point offsets. */
    static String substring(String text, int start, int end) {
        if (isSimple(text)) {
            return text.substring(start, end);
        }
        int from = text.offsetByCodePoints(0, start);
        return text.substring(from, text.offsetByCodePoints(from, end - start));
    }

    static int compare(String a, String b) {
        int common = Math.min(a.length(), b.length());
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
    static boolean isSpace(int c) {
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
    static String strip(String text, String chars, boolean left, boolean right) {
        int start = 0;
        int end = text.length();
        while (left && start < end) {
            int c = text.codePointAt(start);
            if (!strippable(c, chars)) {
                break;
            }
            start += Character.charCount(c);
        }
        while (right && end > start) {
            int c = text.codePointBefore(end);
            if (!strippable(c, chars)) {
                break;
            }
            end -= Character.charCount(c);
        }
        return text.substring(start, end);
    }

    private static boolean strippable(int c, String chars) {
        return chars == null ? isSpace(c) : chars.indexOf(c) >= 0;
    }

    private static boolean isLineBreak(char c) {
        return (c >= 10 && c <= 13) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
    }

    static List<String> splitLines(String text, boolean keepEnds) {
        List<String> lines = new ArrayList<>();
        int start = 0;
        int i = 0;
        while (i < text.length()) {
            char c = text.charAt(i++);
            if (isLineBreak(c)) {
                int end = i - 1;
                if (c == '\r' && i < text.length() && text.charAt(i) == '\n') {
                    i++;
                }
                lines.add(text.substring(start, keepEnds ? i : end));
                start = i;
            }
        }
        if (start < text.length()) {
            lines.add(text.substring(start));
        }
        return lines;
    }

    static List<String> split(String text, String separator, long limit) {
        List<String> parts = new ArrayList<>();
        int start = 0;
        int found;
        while ((limit < 0 || parts.size() < limit) && (found = text.indexOf(separator, start)) >= 0) {
            parts.add(text.substring(start, found));
            start = found + separator.length();
        }
        parts.add(text.substring(start));
        return parts;
    }

    static List<String> splitFromRight(String text, String separator, long limit) {
        List<String> parts = new ArrayList<>();
        int end = text.length();
        while (limit < 0 || parts.size() < limit) {
            int found = text.lastIndexOf(separator, end - separator.length());
            if (found < 0 || end < separator.length()) {
                break;
            }
            parts.addFirst(text.substring(found + separator.length(), end));
            end = found;
        }
        parts.addFirst(text.substring(0, end));
        return parts;
    }

    static List<String> splitSpaces(String text, long limit) {
        List<String> parts = new ArrayList<>();
        int i = 0;
        while (true) {
            while (i < text.length() && isSpace(text.charAt(i))) {
                i++;
            }
            if (i == text.length()) {
                return parts;
            }
            if (limit >= 0 && parts.size() >= limit) {
                parts.add(text.substring(i));
                return parts;
            }
            int start = i;
            while (i < text.length() && !isSpace(text.charAt(i))) {
                i++;
            }
            parts.add(text.substring(start, i));
        }
    }

    static List<String> splitSpacesFromRight(String text, long limit) {
        List<String> parts = new ArrayList<>();
        int i = text.length();
        while (true) {
            while (i > 0 && isSpace(text.charAt(i - 1))) {
                i--;
            }
            if (i == 0) {
                return parts;
            }
            if (limit >= 0 && parts.size() >= limit) {
                parts.addFirst(text.substring(0, i));
                return parts;
            }
            int end = i;
            while (i > 0 && !isSpace(text.charAt(i - 1))) {
                i--;
            }
            parts.addFirst(text.substring(i, end));
        }
    }

    /**
     * Replaces at most {@code limit} occurrences, all when it is negative; an empty {@code old} is between all
     * characters.
     */
    static String replace(String text, String old, String replacement, long limit) {
        if (limit == 0) {
            return text;
        }
        if (!old.isEmpty()) {
            return limit < 0 ? text.replace(old, replacement) : String.join(replacement, split(text, old, limit));
        }
        StringBuilder out = new StringBuilder();
        long left = limit < 0 ? Long.MAX_VALUE : limit;
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

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.codePointAt(0);
        return titleCase(first) + lower(text.substring(Character.charCount(first)));
    }

    static String title(String text) {
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

    static String upper(String text) {
        return text.toUpperCase(Locale.ROOT);
    }

    static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    static String swapCase(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.codePoints()
                .forEach(c -> out.append(
                        Character.isUpperCase(c) ? lower(Character.toString(c)) : upper(Character.toString(c))));
        return out.toString();
    }

    static String repeat(String text, long times) {
        if (times <= 0 || text.isEmpty()) {
            return "";
        }
        checkLength(Math.multiplyHigh(text.length(), times) != 0 ? Long.MAX_VALUE : text.length() * times);
        return text.repeat((int) times);
    }

    /** No string of a template may be longer than the largest output. */
    static void checkLength(long length) {
        if (length > TemplateLimits.DEFAULT.outputCharsMax()) {
            throw TemplateException.limit("the length of a string", TemplateLimits.DEFAULT.outputCharsMax());
        }
    }

    static String padLeft(String text, String fill, long width) {
        return repeat(fill, width - length(text)) + text;
    }

    static String padRight(String text, String fill, long width) {
        return text + repeat(fill, width - length(text));
    }

    static String center(String text, String fill, long width) {
        long margin = width - length(text);
        if (margin <= 0) {
            return text;
        }
        long left = margin / 2 + (margin & width & 1);
        return repeat(fill, left) + text + repeat(fill, margin - left);
    }
}
