package dev.langchain4j.model.mlx.jinja.syntax;

/** The escapes of Python's string literals. */
final class StringLiteral {

    private StringLiteral() {}

    /** The text that a literal's inner part stands for, or null when an escape is malformed. */
    static String unescape(String literal) {
        if (literal.indexOf('\\') < 0) {
            return literal;
        }
        StringBuilder out = new StringBuilder(literal.length());
        int i = 0;
        while (i < literal.length()) {
            char c = literal.charAt(i++);
            if (c != '\\') {
                out.append(c);
                continue;
            }
            if (i == literal.length()) {
                return null;
            }
            char escape = literal.charAt(i++);
            int digits =
                    switch (escape) {
                        case 'x' -> 2;
                        case 'u' -> 4;
                        case 'U' -> 8;
                        default -> 0;
                    };
            if (digits > 0) {
                int code = hex(literal, i, digits);
                if (code < 0) {
                    return null;
                }
                out.appendCodePoint(code);
                i += digits;
            } else if (escape >= '0' && escape <= '7') {
                int end = i;
                while (end < literal.length()
                        && end < i + 2
                        && literal.charAt(end) >= '0'
                        && literal.charAt(end) <= '7') {
                    end++;
                }
                out.append((char) Integer.parseInt(literal.substring(i - 1, end), 8));
                i = end;
            } else if (escape == 'N') {
                int end = literal.indexOf('}', i);
                int code = i < literal.length() && literal.charAt(i) == '{' && end > 0
                        ? named(literal.substring(i + 1, end))
                        : -1;
                if (code < 0) {
                    return null;
                }
                out.appendCodePoint(code);
                i = end + 1;
            } else {
                simple(escape, out);
            }
        }
        return out.toString();
    }

    private static int hex(String literal, int start, int digits) {
        if (start + digits > literal.length()) {
            return -1;
        }
        long code = 0;
        for (int i = start; i < start + digits; i++) {
            int digit = literal.charAt(i) < 128 ? Character.digit(literal.charAt(i), 16) : -1;
            if (digit < 0) {
                return -1;
            }
            code = code * 16 + digit;
        }
        return code > Character.MAX_CODE_POINT ? -1 : (int) code;
    }

    private static int named(String name) {
        try {
            return Character.codePointOf(name);
        } catch (IllegalArgumentException e) {
            return -1;
        }
    }

    private static void simple(char escape, StringBuilder out) {
        switch (escape) {
            case '\n' -> {}
            case '\\', '\'', '"' -> out.append(escape);
            case 'a' -> out.append('\u0007');
            case 'b' -> out.append('\b');
            case 'f' -> out.append('\f');
            case 'n' -> out.append('\n');
            case 'r' -> out.append('\r');
            case 't' -> out.append('\t');
            case 'v' -> out.append('\u000b');
            default -> {
                // Jinja escapes non-ASCII itself before it unescapes, so a backslash before it shows that escape.
                out.append('\\');
                if (escape < 0x80) {
                    out.append(escape);
                } else if (escape < 0x100) {
                    out.append(String.format("x%02x", (int) escape));
                } else {
                    out.append(String.format("u%04x", (int) escape));
                }
            }
        }
    }
}
