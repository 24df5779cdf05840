package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Strings;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Wraps a line as Python's textwrap does, tabs and other whitespace kept. */
final class TextWrap {

    private static final String SPACE = "[\\t\\n\\x0b\\f\\r ]";
    private static final String NOT_SPACE = "[^\\t\\n\\x0b\\f\\r ]";
    private static final String WORD_PUNCT = "[\\w!\"'&.,?]";
    private static final String LETTER = "[^\\d\\W]";
    /** Whitespace, a dash between words, or a word, possibly up to its hyphen. */
    private static final Pattern CHUNK = Pattern.compile(
            SPACE + "+"
                    + "|(?<=" + WORD_PUNCT + ")-{2,}(?=\\w)"
                    + "|" + NOT_SPACE + "+?(?:"
                    + "-(?:(?<=" + LETTER + "{2}-)|(?<=" + LETTER + "-" + LETTER + "-))(?=" + LETTER + "-?" + LETTER
                    + ")"
                    + "|(?=" + SPACE + "|\\Z)"
                    + "|(?<=" + WORD_PUNCT + ")(?=-{2,}\\w))",
            Pattern.UNICODE_CHARACTER_CLASS);

    private static final Pattern SIMPLE_CHUNK = Pattern.compile(SPACE + "+|" + NOT_SPACE + "+");

    private TextWrap() {}

    static List<String> wrap(String line, long width, boolean breakLongWords, boolean breakOnHyphens) {
        if (width <= 0) {
            throw TemplateException.value("invalid width " + width + " (must be > 0)");
        }
        Budget.current().scanSlowly(8L * line.length());
        Deque<String> chunks = new ArrayDeque<>();
        Matcher matcher = (breakOnHyphens ? CHUNK : SIMPLE_CHUNK).matcher(line);
        while (matcher.find()) {
            Budget.current().made(matcher.end() - matcher.start());
            chunks.add(matcher.group());
        }
        List<String> lines = new ArrayList<>();
        while (!chunks.isEmpty()) {
            nextLine(chunks, lines, width, breakLongWords, breakOnHyphens);
        }
        return lines;
    }

    private static void nextLine(
            Deque<String> chunks, List<String> lines, long width, boolean breakLongWords, boolean breakOnHyphens) {
        if (chunks.peek().isBlank() && !lines.isEmpty()) {
            chunks.poll();
        }
        List<String> current = new ArrayList<>();
        long length = 0;
        while (!chunks.isEmpty() && length + Strings.length(chunks.peek()) <= width) {
            length += Strings.length(chunks.peek());
            Budget.current().elements(1);
            current.add(chunks.poll());
        }
        if (!chunks.isEmpty() && Strings.length(chunks.peek()) > width) {
            String word = chunks.poll();
            Budget.current().scan(word.length());
            int room = (int) (width - length);
            if (breakLongWords) {
                int end = room;
                int hyphen = breakOnHyphens && Strings.length(word) > room ? word.lastIndexOf('-', room - 1) : -1;
                if (hyphen > 0 && word.substring(0, hyphen).chars().anyMatch(c -> c != '-')) {
                    end = hyphen + 1;
                }
                current.add(Strings.substring(word, 0, end));
                chunks.push(Strings.substring(word, end, Strings.length(word)));
            } else if (current.isEmpty()) {
                current.add(word);
            } else {
                chunks.push(word);
            }
        }
        if (!current.isEmpty() && current.getLast().isBlank()) {
            current.removeLast();
        }
        if (!current.isEmpty()) {
            lines.add(String.join("", current));
            Budget.current().made(lines.getLast().length());
        }
    }
}
