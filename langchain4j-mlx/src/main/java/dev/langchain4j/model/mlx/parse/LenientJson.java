package dev.langchain4j.model.mlx.parse;

import java.math.BigDecimal;
import java.util.regex.Pattern;

/**
 * Turns one value that a model wrote (JSON, a Python literal, or Gemma's notation) into strict, compact JSON while it
 * arrives.
 *
 * <p>The output is valid JSON by construction, and what was put out is never taken back, so pieces can be streamed.
 * Accepted beyond JSON: single quotes, True/False/None, tuples, bare keys, trailing commas, raw line breaks and wrong
 * escapes inside of strings.
 */
public final class LenientJson {

    public enum Dialect {
        /** JSON and Python literals, of which strings may stand between three quotes. */
        LITERAL(null),
        /** Gemma 4: strings between {@code <|"|>}, bare keys, bare words are strings. */
        GEMMA4("<|\"|>"),
        /** FunctionGemma: strings between {@code <escape>}. */
        FUNCTION_GEMMA("<escape>");

        private final String quote;

        Dialect(String quote) {
            this.quote = quote;
        }
    }

    public enum Status {
        /** More text is needed. */
        WAIT,
        DONE,
        FAILED
    }

    private enum Expect {
        VALUE,
        KEY,
        COLON,
        SEPARATOR
    }

    private static final int MAX_DEPTH = 200;
    /** The parenthesis around named arguments; one around a tuple is itself. */
    private static final char ARGUMENTS = 'A';

    private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");
    private static final Pattern PYTHON_NUMBER = Pattern.compile("[+-]?[0-9_]*\\.?[0-9_]*([eE][+-]?[0-9]{1,4})?");

    private final Dialect dialect;
    private final StringBuilder nesting = new StringBuilder();
    private final StringBuilder word = new StringBuilder();
    private Expect expect = Expect.VALUE;
    private boolean commaDue;
    private boolean inWord;
    /** Whether the outermost bracket is a parenthesis around named arguments. */
    private boolean arguments;
    /** Closing quote of the string being read; null outside of strings. */
    private String quote;

    private String failure = "";

    public LenientJson(Dialect dialect) {
        this.dialect = dialect;
    }

    /** Reads named arguments: between braces, or as Python writes them. */
    public static LenientJson arguments(Dialect dialect) {
        LenientJson reader = new LenientJson(dialect);
        reader.arguments = true;
        return reader;
    }

    /** Why the value could not be read. */
    public String failure() {
        return failure;
    }

    /** Reads on; appends JSON to {@code out}. After DONE the input stands behind the value. */
    public Status read(Input in, StringBuilder out) {
        while (true) {
            if (quote != null) {
                Status status = readString(in, out);
                if (status != Status.DONE) {
                    return status;
                }
                if (afterScalar()) {
                    return Status.DONE;
                }
                continue;
            }
            if (inWord) {
                Status status = readWord(in, out);
                if (status != Status.DONE) {
                    return status;
                }
                if (afterScalar()) {
                    return Status.DONE;
                }
                continue;
            }
            in.skipWhitespace();
            if (in.empty()) {
                return Status.WAIT;
            }
            Status status = readStructure(in, out);
            if (status != null) {
                return status;
            }
        }
    }

    /** A string or word ended: was it the whole value? */
    private boolean afterScalar() {
        if (expect == Expect.KEY) {
            expect = Expect.COLON;
            return false;
        }
        expect = Expect.SEPARATOR;
        return nesting.isEmpty();
    }

    /** One step outside of scalars; null to go on. */
    private Status readStructure(Input in, StringBuilder out) {
        char c = in.peek();
        switch (expect) {
            case COLON -> {
                if (c != ':' && !(c == '=' && arguments)) {
                    return fail("':' expected after a key, found '" + c + "'");
                }
                in.skip(1);
                out.append(':');
                expect = Expect.VALUE;
                return null;
            }
            case SEPARATOR -> {
                if (c == ',') {
                    in.skip(1);
                    commaDue = true;
                    expect = isObject(top()) ? Expect.KEY : Expect.VALUE;
                    return null;
                }
                return isCloser(c) ? close(in, out) : fail("',' or a closing bracket expected, found '" + c + "'");
            }
            default -> {
                // A comma before a closing bracket is dropped; after a colon there must be a value.
                if (isCloser(c) && (expect == Expect.KEY || !nesting.isEmpty() && !isObject(top()))) {
                    return close(in, out);
                }
                return openOrScalar(in, out, c);
            }
        }
    }

    private Status openOrScalar(Input in, StringBuilder out, char c) {
        if (expect == Expect.VALUE && (c == '{' || c == '[' || c == '(')) {
            if (nesting.length() >= MAX_DEPTH) {
                return fail("nested deeper than " + MAX_DEPTH);
            }
            separate(out);
            in.skip(1);
            char kind = c == '(' && nesting.isEmpty() && arguments ? ARGUMENTS : c;
            nesting.append(kind);
            out.append(isObject(kind) ? '{' : '[');
            expect = isObject(kind) ? Expect.KEY : Expect.VALUE;
            return null;
        }
        if (dialect.quote != null) {
            Input.Match match = in.match(dialect.quote);
            if (match == Input.Match.MAYBE) {
                return Status.WAIT;
            }
            if (match == Input.Match.YES) {
                return openString(in, out, dialect.quote);
            }
        }
        if (c == '"' || c == '\'') {
            return openQuoted(in, out, c);
        }
        if (isWordEnd(c)) {
            return fail("a value expected, found '" + c + "'");
        }
        separate(out);
        inWord = true;
        return null;
    }

    /** One quote opens a string, three open one that may have line breaks, two are an empty one. */
    private Status openQuoted(Input in, StringBuilder out, char c) {
        String three = String.valueOf(c).repeat(3);
        Input.Match match = in.match(three);
        if (match == Input.Match.MAYBE) {
            return Status.WAIT;
        }
        return openString(in, out, match == Input.Match.YES ? three : String.valueOf(c));
    }

    private Status openString(Input in, StringBuilder out, String opening) {
        separate(out);
        in.skip(opening.length());
        quote = opening;
        out.append('"');
        return null;
    }

    private void separate(StringBuilder out) {
        if (commaDue) {
            out.append(',');
            commaDue = false;
        }
    }

    private Status close(Input in, StringBuilder out) {
        char c = in.peek();
        char open = top();
        if (c != (open == '{' ? '}' : open == '[' ? ']' : ')') || nesting.isEmpty()) {
            return fail("unbalanced '" + c + "'");
        }
        in.skip(1);
        commaDue = false;
        out.append(isObject(open) ? '}' : ']');
        nesting.setLength(nesting.length() - 1);
        expect = Expect.SEPARATOR;
        return nesting.isEmpty() ? Status.DONE : null;
    }

    private Status readString(Input in, StringBuilder out) {
        boolean escapes = quote.charAt(0) == '"' || quote.charAt(0) == '\'';
        while (!in.empty()) {
            char c = in.peek();
            if (c == quote.charAt(0)) {
                Input.Match match = in.match(quote);
                if (match == Input.Match.MAYBE) {
                    return Status.WAIT;
                }
                if (match == Input.Match.YES) {
                    in.skip(quote.length());
                    quote = null;
                    out.append('"');
                    return Status.DONE;
                }
            }
            if (c == '\\' && escapes) {
                if (!readEscape(in, out)) {
                    return Status.WAIT;
                }
            } else {
                in.skip(1);
                JsonText.escape(c, out);
            }
        }
        return Status.WAIT;
    }

    /** A backslash and what follows; false if more text is needed. An escape that JSON lacks keeps its backslash. */
    private boolean readEscape(Input in, StringBuilder out) {
        if (in.available() < 2) {
            return false;
        }
        char kind = in.ahead(1);
        int digits = kind == 'u' ? 4 : kind == 'x' ? 2 : 0;
        for (int i = 0; i < digits; i++) {
            if (in.available() < 3 + i) {
                return false;
            }
            if (Character.digit(in.ahead(2 + i), 16) < 0) {
                in.skip(1);
                out.append("\\\\");
                return true;
            }
        }
        in.skip(2);
        switch (kind) {
            case 'u' -> out.append("\\u").append(in.take(4));
            case 'x' -> JsonText.escape((char) Integer.parseInt(in.take(2), 16), out);
            case '"', '\\', '/', 'b', 'f', 'n', 'r', 't' -> out.append('\\').append(kind);
            case '\'' -> out.append('\'');
            default -> {
                out.append("\\\\");
                JsonText.escape(kind, out);
            }
        }
        return true;
    }

    private Status readWord(Input in, StringBuilder out) {
        while (!in.empty() && !isWordEnd(in.peek())) {
            word.append(in.next());
        }
        if (in.empty() && !(in.ended() && nesting.isEmpty())) {
            return Status.WAIT;
        }
        String text = word.toString().strip();
        word.setLength(0);
        inWord = false;
        if (expect == Expect.KEY) {
            JsonText.quote(text, out);
            return Status.DONE;
        }
        String json = scalar(text);
        if (json != null) {
            out.append(json);
            return Status.DONE;
        }
        if (dialect == Dialect.LITERAL) {
            return fail("'" + text + "' is not a value");
        }
        JsonText.quote(text, out);
        return Status.DONE;
    }

    /** JSON of a bare word, or null if it is none. */
    public static String scalar(String text) {
        switch (text) {
            case "true", "True":
                return "true";
            case "false", "False":
                return "false";
            case "null", "None":
                return "null";
            default:
                break;
        }
        if (NUMBER.matcher(text).matches()) {
            return text;
        }
        if (text.length() <= 400
                && PYTHON_NUMBER.matcher(text).matches()
                && text.chars().anyMatch(c -> c >= '0' && c <= '9')) {
            try {
                return new BigDecimal(text.replace("_", "")).toString();
            } catch (NumberFormatException e) {
                return null;
            }
        }
        return null;
    }

    private boolean isWordEnd(char c) {
        if (c == ',' || isCloser(c)) {
            return true;
        }
        if (expect == Expect.KEY) {
            return c == ':' || c == '=' && arguments;
        }
        return dialect == Dialect.LITERAL && (Character.isWhitespace(c) || "\"'{[(:<;=".indexOf(c) >= 0);
    }

    private static boolean isObject(char bracket) {
        return bracket == '{' || bracket == ARGUMENTS;
    }

    private static boolean isCloser(char c) {
        return c == '}' || c == ']' || c == ')';
    }

    private char top() {
        return nesting.isEmpty() ? ' ' : nesting.charAt(nesting.length() - 1);
    }

    private Status fail(String reason) {
        failure = reason;
        return Status.FAILED;
    }
}
