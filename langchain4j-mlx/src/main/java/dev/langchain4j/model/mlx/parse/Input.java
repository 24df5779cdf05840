package dev.langchain4j.model.mlx.parse;

/** The text that has arrived and is not yet understood: readers advance through it and stop where it ends. */
final class Input {

    /** Whether a marker stands at the current position. */
    enum Match {
        YES,
        NO,
        /** The text ends inside of what may still become the marker. */
        MAYBE
    }

    private static final int COMPACT_AT = 4096;

    private final StringBuilder text = new StringBuilder();
    private int position;
    private int mark = -1;
    private boolean ended;

    /** What {@link #find} has already looked through in vain: waiting for an end must not search all of it again. */
    private String searched = "";

    private int searchedFrom;
    private int searchedTo;

    void append(String piece) {
        int consumed = mark >= 0 ? mark : position;
        if (consumed >= COMPACT_AT && consumed >= text.length() / 2) {
            text.delete(0, consumed);
            searched = "";
            position -= consumed;
            mark = mark >= 0 ? 0 : -1;
        }
        text.append(piece);
    }

    void end() {
        ended = true;
    }

    /** No more text will come, though some may still be unread. */
    boolean ended() {
        return ended;
    }

    boolean empty() {
        return position >= text.length();
    }

    char peek() {
        return text.charAt(position);
    }

    char next() {
        return text.charAt(position++);
    }

    int available() {
        return text.length() - position;
    }

    /** The character {@code offset} places ahead. */
    char ahead(int offset) {
        return text.charAt(position + offset);
    }

    /** The next {@code length} characters, which are not consumed. */
    String lookAhead(int length) {
        return text.substring(position, position + length);
    }

    String take(int length) {
        String taken = text.substring(position, position + length);
        position += length;
        return taken;
    }

    void skip(int length) {
        position += length;
    }

    void skipWhitespace() {
        while (!empty() && Character.isWhitespace(peek())) {
            position++;
        }
    }

    /** Remembers this place: text from here on is kept for {@link #sinceMark()}. */
    void mark() {
        mark = position;
    }

    void unmark() {
        mark = -1;
    }

    String sinceMark() {
        return text.substring(mark, position);
    }

    /** Goes back (or on) to {@code length} characters after the mark. */
    void seekAfterMark(int length) {
        position = mark + length;
    }

    Match match(String marker) {
        return matchAhead(0, marker);
    }

    Match matchAhead(int offset, String marker) {
        int length = Math.min(marker.length(), available() - offset);
        for (int i = 0; i < length; i++) {
            if (text.charAt(position + offset + i) != marker.charAt(i)) {
                return Match.NO;
            }
        }
        if (length == marker.length()) {
            return Match.YES;
        }
        return ended ? Match.NO : Match.MAYBE;
    }

    /** Distance to the first occurrence of {@code marker} from {@code offset} characters ahead on, or -1. */
    int findAhead(int offset, String marker) {
        int found = text.indexOf(marker, position + offset);
        return found < 0 ? -1 : found - position;
    }

    /** Distance to the first occurrence of {@code marker}, or -1. */
    int find(String marker) {
        boolean known = marker.equals(searched) && searchedFrom == position && searchedTo <= text.length();
        int from = known ? Math.max(position, searchedTo - marker.length() + 1) : position;
        int found = text.indexOf(marker, from);
        searched = marker;
        searchedFrom = position;
        searchedTo = found < 0 ? text.length() : position;
        return found < 0 ? -1 : found - position;
    }
}
