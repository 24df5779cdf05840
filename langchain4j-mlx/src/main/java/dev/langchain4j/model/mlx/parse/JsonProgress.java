package dev.langchain4j.model.mlx.parse;

/**
 * Follows an answer to tell whether it is an unfinished JSON object or list, and whether it stands inside of a string
 * there: what looks like a marker is then part of the value. An answer that is not JSON is never inside of any.
 */
final class JsonProgress {
    private enum State {
        START,
        VALUE,
        STRING,
        ESCAPE,
        WORD,
        AFTER_VALUE,
        /** The value is over, or the answer is not JSON. */
        OVER
    }

    /** What a value may be made of outside of strings; wrong order is no concern here. */
    private static final String STRUCTURE = "{}[],:";

    private final StringBuilder nesting = new StringBuilder();
    private State state = State.START;

    boolean inValue() {
        return state != State.START && state != State.OVER;
    }

    boolean inString() {
        return state == State.STRING || state == State.ESCAPE;
    }

    void accept(String text) {
        for (int i = 0; i < text.length() && state != State.OVER; i++) {
            accept(text.charAt(i));
        }
    }

    void accept(char c) {
        switch (state) {
            case START -> {
                if (!Character.isWhitespace(c)) {
                    state = c == '{' || c == '[' ? outside(c) : State.OVER;
                }
            }
            case STRING -> state = c == '\\' ? State.ESCAPE : c == '"' ? State.AFTER_VALUE : State.STRING;
            case ESCAPE -> state = State.STRING;
            case VALUE, WORD, AFTER_VALUE -> state = outside(c);
            case OVER -> {}
        }
    }

    private State outside(char c) {
        if (Character.isWhitespace(c)) {
            return state == State.WORD ? State.AFTER_VALUE : state;
        }
        if (STRUCTURE.indexOf(c) >= 0) {
            return structure(c);
        }
        boolean mayBegin = state == State.VALUE;
        if (c == '"') {
            return mayBegin ? State.STRING : State.OVER;
        }
        boolean word = Character.isLetterOrDigit(c) && c < 0x80 || c == '-' || c == '+' || c == '.';
        return word && state != State.AFTER_VALUE ? State.WORD : State.OVER;
    }

    private State structure(char c) {
        if (c == '{' || c == '[') {
            nesting.append(c);
            return state == State.WORD || state == State.AFTER_VALUE ? State.OVER : State.VALUE;
        }
        if (c == '}' || c == ']') {
            int last = nesting.length() - 1;
            boolean matches = nesting.charAt(last) == (c == '}' ? '{' : '[');
            nesting.setLength(last);
            return matches && last > 0 ? State.AFTER_VALUE : State.OVER;
        }
        return State.VALUE;
    }
}
