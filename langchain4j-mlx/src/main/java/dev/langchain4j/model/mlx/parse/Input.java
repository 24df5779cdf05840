package dev.langchain4j.model.mlx.parse;

/** The text that has arrived and is not yet understood: readers advance through it and stop where it ends. */
public final class Input {

    /** Whether a marker stands at the current position. */
    public enum Match {
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
    private boolean cut;

    /** What {@link #find} has already looked through in vain: waiting for an end must not search all of it again. */
    private String searched = "";

    private int searchedFrom;
    private int searchedTo;

    public void append(String piece) {
        int consumed = mark >= 0 ? mark : position;
        if (consumed >= COMPACT_AT && consumed >= text.length() / 2) {
            text.delete(0, consumed);
            searched = "";
            position -= consumed;
            mark = mark >= 0 ? 0 : -1;
        }
        text.append(piece);
    }

    /**
     * No more text will come.
     *
     * @param wasCut whether there would have been more, so that what stands at the end may be the beginning of anything
     */
    public void end(boolean wasCut) {
        ended = true;
        cut = wasCut;
    }

    /** The text ended where it was not over. */
    public boolean cut() {
        return cut;
    }

    /** No more text will come, though some may still be unread. */
    public boolean ended() {
        return ended;
    }

    public boolean empty() {
        return position >= text.length();
    }

    public char peek() {
        return text.charAt(position);
    }

    public char next() {
        return text.charAt(position++);
    }

    public int available() {
        return text.length() - position;
    }

    /** The character {@code offset} places ahead. */
    public char ahead(int offset) {
        return text.charAt(position + offset);
    }

    /** The next {@code length} characters, which are not consumed. */
    public String lookAhead(int length) {
        return text.substring(position, position + length);
    }

    public String take(int length) {
        String taken = text.substring(position, position + length);
        position += length;
        return taken;
    }

    public void skip(int length) {
        position += length;
    }

    public void skipWhitespace() {
        while (!empty() && Character.isWhitespace(peek())) {
            position++;
        }
    }

    /** Remembers this place: text from here on is kept for {@link #sinceMark()}. */
    public void mark() {
        mark = position;
    }

    public void unmark() {
        mark = -1;
    }

    public String sinceMark() {
        return text.substring(mark, position);
    }

    /** How much stands between the mark and here. */
    public int sinceMarkLength() {
        return position - mark;
    }

    /** Goes back (or on) to {@code length} characters after the mark. */
    public void seekAfterMark(int length) {
        position = mark + length;
    }

    public Match match(String marker) {
        return matchAhead(0, marker);
    }

    public Match matchAhead(int offset, String marker) {
        int length = Math.min(marker.length(), available() - offset);
        for (int i = 0; i < length; i++) {
            if (text.charAt(position + offset + i) != marker.charAt(i)) {
                return Match.NO;
            }
        }
        if (length == marker.length()) {
            return Match.YES;
        }
        return ended && !cut ? Match.NO : Match.MAYBE;
    }

    /** Distance to the first occurrence of {@code marker} from {@code offset} characters ahead on, or -1. */
    public int findAhead(int offset, String marker) {
        int found = text.indexOf(marker, position + offset);
        return found < 0 ? -1 : found - position;
    }

    /**
     * The place of the next character that is no white space, from {@code offset} ahead on; {@link #available} for
     * none.
     */
    public int skipBlank(int offset) {
        int at = offset;
        while (at < available() && Character.isWhitespace(ahead(at))) {
            at++;
        }
        return at;
    }

    /** Whether one of these stands so far ahead. */
    public Match matchAny(int offset, Iterable<String> markers) {
        Match best = Match.NO;
        for (String marker : markers) {
            Match match = matchAhead(offset, marker);
            if (match == Match.YES) {
                return match;
            }
            best = match == Match.MAYBE ? match : best;
        }
        return best;
    }

    /** Distance to the first occurrence of {@code marker}, or -1. */
    public int find(String marker) {
        boolean known = marker.equals(searched) && searchedFrom == position && searchedTo <= text.length();
        int from = known ? Math.max(position, searchedTo - marker.length() + 1) : position;
        int found = text.indexOf(marker, from);
        searched = marker;
        searchedFrom = position;
        searchedTo = found < 0 ? text.length() : position;
        return found < 0 ? -1 : found - position;
    }
}
