package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;

/** The rules that positions given to a layer or a snapshot keep. */
final class Positions {
    private Positions() {}

    /**
     * Throws IllegalArgumentException unless {@code [start, end)} is a range within {@code [first, last)} and not
     * empty.
     */
    static void checkRange(int start, int end, int first, int last) {
        if (start < first || end > last || start >= end) {
            throw new IllegalArgumentException(
                    "range [" + start + ", " + end + ") must be within [" + first + ", " + last + ") and not empty");
        }
    }

    /**
     * Throws IllegalArgumentException unless these are keys and values [1, heads, positions, dim] of at most so many
     * positions, or of exactly so many.
     */
    static void checkKeysAndValues(MlxArray keys, MlxArray values, int positions, boolean exactly) {
        boolean fit = keys != null
                && values != null
                && keys.ndim() == 4
                && values.ndim() == 4
                && keys.dim(0) == 1
                && keys.dim(1) == values.dim(1)
                && keys.dim(2) == values.dim(2)
                && (exactly ? keys.dim(2) == positions : keys.dim(2) <= positions);
        if (!fit) {
            throw new IllegalArgumentException("arrays (" + keys + ", " + values + ") must be keys and values of "
                    + (exactly ? "" : "at most ") + positions + " positions");
        }
    }

    /** Throws IllegalArgumentException unless a layer at {@code offset} can be asked to go back to {@code position}. */
    static void checkTrim(int position, int offset) {
        if (position < 0 || position > offset) {
            throw new IllegalArgumentException("offset (" + position + ") must be within [0, " + offset + "]");
        }
    }
}
