package dev.langchain4j.model.mlx.jinja.syntax;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Numbers;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Strings;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Splits a template into tokens, with the whitespace rules of {@code trim_blocks} and {@code lstrip_blocks}: the
 * newline after a block is dropped, and so is the indentation before it; one newline at the end of the template is
 * dropped.
 */
final class Lexer {

    private static final Pattern NEWLINE = Pattern.compile("\r\n|\r");
    private static final String DIGITS = "\\d(?:_?\\d)*+";
    private static final Pattern FLOAT = Pattern.compile(
            "(?<!\\.)" + DIGITS + "(?:(?:\\." + DIGITS + ")?[eE][+\\-]?" + DIGITS + "|\\." + DIGITS + ")");
    private static final Pattern INTEGER = Pattern.compile(
            "0[bB](?:_?[01])++|0[oO](?:_?[0-7])++|0[xX](?:_?[\\da-fA-F])++|[1-9](?:_?\\d)*+|0(?:_?0)*+");
    /** Python refuses longer ones. */
    private static final int INTEGER_LENGTH_MAX = 4300;

    private static final Pattern NAME = Pattern.compile("[\\w·]+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern SPACES = Pattern.compile("[\\s\\x1c-\\x1f]+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern RAW_BEGIN =
            Pattern.compile("\\{%([-+]?)\\s*raw\\s*(?:-%}\\s*|%})", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern RAW_END =
            Pattern.compile("\\{%([-+]?)\\s*endraw\\s*(?:\\+%}|-%}\\s*|%}\\n?)", Pattern.UNICODE_CHARACTER_CLASS);
    private static final List<String> OPERATORS = List.of(
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
            "=", ".", ":", "|", ",", ";");

    private final String source;
    private final int[] lineStarts;
    private final List<Token> tokens = new ArrayList<>();
    private final Budget budget = Budget.current();
    private int position;
    /** Whether the last match ended with a newline, so that indentation before a block is at a line's start. */
    private boolean lineStarting = true;

    private Lexer(String source) {
        String normalized = NEWLINE.matcher(source).replaceAll("\n");
        this.source = normalized.endsWith("\n") ? normalized.substring(0, normalized.length() - 1) : normalized;
        this.lineStarts = lineStarts(this.source);
    }

    static List<Token> tokenize(String source) {
        Lexer lexer = new Lexer(source);
        lexer.root();
        return lexer.tokens;
    }

    private static int[] lineStarts(String source) {
        return IntStream.concat(
                        IntStream.of(0),
                        IntStream.range(0, source.length())
                                .filter(i -> source.charAt(i) == '\n')
                                .map(i -> i + 1))
                .toArray();
    }

    private void root() {
        while (position < source.length()) {
            int tag = nextTag();
            if (tag < 0) {
                data(source.substring(position), position);
                position = source.length();
                break;
            }
            char kind = source.charAt(tag + 1);
            Matcher raw = RAW_BEGIN.matcher(source).region(tag, source.length());
            if (kind == '%' && raw.lookingAt()) {
                beforeTag(tag, raw.group(1), true);
                position = raw.end();
                lineStarting = source.charAt(position - 1) == '\n';
                rawBlock(tag);
                continue;
            }
            String sign = "";
            if (tag + 2 < source.length() && "-+".indexOf(source.charAt(tag + 2)) >= 0) {
                sign = source.substring(tag + 2, tag + 3);
            }
            beforeTag(tag, sign, kind != '{');
            position = tag + 2 + sign.length();
            lineStarting = false;
            switch (kind) {
                case '#' -> comment(tag);
                case '%' -> inside(Token.Type.BLOCK_BEGIN, Token.Type.BLOCK_END, "%}", tag);
                default -> inside(Token.Type.VARIABLE_BEGIN, Token.Type.VARIABLE_END, "}}", tag);
            }
        }
        add(Token.Type.EOF, "", null, source.length());
    }

    private int nextTag() {
        int brace = source.indexOf('{', position);
        while (brace >= 0 && brace + 1 < source.length()) {
            char next = source.charAt(brace + 1);
            if (next == '%' || next == '{' || next == '#') {
                return brace;
            }
            brace = source.indexOf('{', brace + 1);
        }
        return -1;
    }

    /** Adds the text before a tag, stripped as the tag's sign and the rule for indentation say. */
    private void beforeTag(int tag, String sign, boolean stripsIndent) {
        data(strippedBefore(source.substring(position, tag), sign, stripsIndent), position);
    }

    private String strippedBefore(String text, String sign, boolean stripsIndent) {
        if (sign.equals("-")) {
            return Strings.strip(text, null, false, true);
        }
        if (!sign.equals("+") && stripsIndent) {
            int lineStart = text.lastIndexOf('\n') + 1;
            if (lineStart > 0 || lineStarting) {
                if (text.substring(lineStart).codePoints().allMatch(Strings::isSpace)) {
                    return text.substring(0, lineStart);
                }
            }
        }
        return text;
    }

    private void data(String text, int offset) {
        if (!text.isEmpty()) {
            add(Token.Type.DATA, text, null, offset);
        }
    }

    private void rawBlock(int tag) {
        Matcher end = RAW_END.matcher(source);
        if (position == source.length()) {
            return;
        }
        if (!end.find(position)) {
            throw failure("Missing end of raw directive", tag);
        }
        beforeTag(end.start(), end.group(1), true);
        moveTo(end.end());
    }

    private void comment(int tag) {
        int end = source.indexOf("#}", position);
        if (position == source.length()) {
            return;
        }
        if (end < 0) {
            throw failure("Missing end of comment tag", tag);
        }
        char sign = end > position ? source.charAt(end - 1) : ' ';
        moveTo(afterBlock(end + 2, sign));
    }

    /** Where the text goes on after a block or comment: without its newline, or all whitespace after a minus. */
    private int afterBlock(int end, char sign) {
        if (sign == '-') {
            return skipSpaces(end);
        }
        boolean newline = sign != '+' && end < source.length() && source.charAt(end) == '\n';
        return newline ? end + 1 : end;
    }

    private int skipSpaces(int from) {
        int i = from;
        while (i < source.length() && Strings.isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    private void moveTo(int end) {
        position = end;
        lineStarting = end > 0 && source.charAt(end - 1) == '\n';
    }

    private void inside(Token.Type begin, Token.Type end, String endText, int tag) {
        add(begin, "", null, tag);
        Deque<String> open = new ArrayDeque<>();
        while (position < source.length()) {
            if (open.isEmpty() && atEnd(end, endText)) {
                return;
            }
            Matcher matcher = SPACES.matcher(source).region(position, source.length());
            if (matcher.lookingAt()) {
                position = matcher.end();
                continue;
            }
            if (!literal() && !operator(open)) {
                int c = source.codePointAt(position);
                throw failure("unexpected char " + Repr.repr(Character.toString(c)) + " at " + position, position);
            }
        }
    }

    private boolean atEnd(Token.Type end, String endText) {
        char c = source.charAt(position);
        boolean signed = c == '-' || (c == '+' && end == Token.Type.BLOCK_END);
        int at = signed ? position + 1 : position;
        if (!source.startsWith(endText, at)) {
            return false;
        }
        add(end, "", null, position);
        int after = at + endText.length();
        if (end == Token.Type.BLOCK_END) {
            after = afterBlock(after, c);
        } else if (signed) {
            after = skipSpaces(after);
        }
        moveTo(after);
        return true;
    }

    private boolean literal() {
        String text = match(FLOAT);
        if (text != null) {
            return add(Token.Type.NUMBER, text, Double.parseDouble(text.replace("_", "")));
        }
        text = match(INTEGER);
        if (text != null) {
            if (text.length() > INTEGER_LENGTH_MAX) {
                throw failure("an integer is longer than " + INTEGER_LENGTH_MAX + " digits", position);
            }
            return add(Token.Type.NUMBER, text, integer(text.replace("_", "")));
        }
        text = match(NAME);
        if (text != null) {
            if (!Character.isUnicodeIdentifierStart(text.codePointAt(0)) && text.charAt(0) != '_') {
                throw failure("Invalid character in identifier", position);
            }
            return add(Token.Type.NAME, text, null);
        }
        return string();
    }

    private boolean string() {
        char quote = source.charAt(position);
        if (quote != '\'' && quote != '"') {
            return false;
        }
        int end = position + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            return false;
        }
        String unescaped = StringLiteral.unescape(source.substring(position + 1, end));
        if (unescaped == null) {
            throw failure("wrong escape in the string " + source.substring(position, end + 1), position);
        }
        add(Token.Type.STRING, unescaped, null, position);
        position = end + 1;
        return true;
    }

    private String match(Pattern pattern) {
        Matcher matcher =
                pattern.matcher(source).region(position, source.length()).useTransparentBounds(true);
        return matcher.lookingAt() ? matcher.group() : null;
    }

    private static Object integer(String text) {
        String prefix = text.length() > 1 ? text.substring(0, 2).toLowerCase(Locale.ROOT) : "";
        int radix =
                switch (prefix) {
                    case "0x" -> 16;
                    case "0o" -> 8;
                    case "0b" -> 2;
                    default -> 10;
                };
        return Numbers.integer(new BigInteger(radix == 10 ? text : text.substring(2), radix));
    }

    private boolean operator(Deque<String> open) {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, position)) {
                balance(operator, open);
                return add(Token.Type.OPERATOR, operator, null);
            }
        }
        return false;
    }

    private void balance(String operator, Deque<String> open) {
        switch (operator) {
            case "{" -> open.push("}");
            case "(" -> open.push(")");
            case "[" -> open.push("]");
            case "}", ")", "]" -> {
                if (open.isEmpty()) {
                    throw failure("unexpected '" + operator + "'", position);
                }
                String expected = open.pop();
                if (!expected.equals(operator)) {
                    throw failure("unexpected '" + operator + "', expected '" + expected + "'", position);
                }
            }
            default -> {}
        }
    }

    private boolean add(Token.Type type, String text, Object value) {
        add(type, text, value, position);
        position += text.length();
        return true;
    }

    private void add(Token.Type type, String text, Object value, int offset) {
        budget.steps(12);
        budget.keep(Budget.ENTRY_SIZE + text.length());
        int line = lineOf(offset);
        tokens.add(new Token(type, text, value, line, offset - lineStarts[line - 1] + 1));
    }

    private int lineOf(int offset) {
        int found = Arrays.binarySearch(lineStarts, offset);
        return found >= 0 ? found + 1 : -found - 1;
    }

    private TemplateException failure(String message, int offset) {
        int line = lineOf(offset);
        return new TemplateException(TemplateException.Kind.SYNTAX, message, line, offset - lineStarts[line - 1] + 1);
    }
}
