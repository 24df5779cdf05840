package dev.langchain4j.model.mlx.kv;

/** The rules that positions given to a layer or a snapshot keep. */
final class Positions {
    private Positions() {}

    /** Throws IllegalArgumentException unless {@code [start, end)} is a range within {@code [first, last)} and not empty. */
    static void checkRange(int start, int end, int first, int last) {
        if (start < first || end > last || start >= end) {
            throw new IllegalArgumentException(
                    "range [" + start + ", " + end + ") must be within [" + first + ", " + last + ") and not empty");
        }
    }

    /** Throws IllegalArgumentException unless a layer at {@code offset} can be asked to go back to {@code position}. */
    static void checkTrim(int position, int offset) {
        if (position < 0 || position > offset) {
            throw new IllegalArgumentException("offset (" + position + ") must be within [0, " + offset + "]");
        }
    }
}
