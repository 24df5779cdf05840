package dev.langchain4j.model.mlx.jinja.common;

import java.util.Arrays;

/**
 * Stretches of a text, {@code [start, end)} in UTF-16 units: in order, none empty, none touching another. Immutable.
 */
public final class TextRanges {
    /** No stretch at all. */
    public static final TextRanges NONE = new TextRanges(new int[0]);

    /** Start and end of each. */
    private final int[] bounds;

    private TextRanges(int[] bounds) {
        this.bounds = bounds;
    }

    /** One stretch from the text's beginning on. */
    public static TextRanges first(int length) {
        return length == 0 ? NONE : new TextRanges(new int[] {0, length});
    }

    /** The stretches that {@link #bounds} gave. */
    public static TextRanges of(int[] bounds) {
        Builder all = new Builder();
        for (int i = 0; i + 1 < bounds.length; i += 2) {
            all.add(bounds[i], bounds[i + 1]);
        }
        return all.build();
    }

    /** Whether there is no stretch. */
    public boolean isEmpty() {
        return bounds.length == 0;
    }

    /** Whether a stretch and {@code [start, end)} have a character in common. */
    public boolean overlaps(int start, int end) {
        int first = firstEndingBehind(start);
        return first < bounds.length && bounds[first] < end && start < end;
    }

    /** The parts within {@code [start, end)}, counted from {@code start}. */
    public TextRanges within(int start, int end) {
        Builder inside = new Builder();
        for (int i = firstEndingBehind(start); i < bounds.length && bounds[i] < end; i += 2) {
            inside.add(Math.max(bounds[i], start) - start, Math.min(bounds[i + 1], end) - start);
        }
        return inside.build();
    }

    /** The same stretches in a text with {@code length} more characters before it. */
    public TextRanges behind(int length) {
        return length == 0 || isEmpty() ? this : new Builder().add(this, length).build();
    }

    /** Start and end of each stretch, as a new array. */
    public int[] bounds() {
        return bounds.clone();
    }

    /** Index in {@code bounds} of the first stretch that ends behind a position. */
    private int firstEndingBehind(int position) {
        int low = 0;
        int high = bounds.length / 2;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (bounds[2 * middle + 1] > position) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return 2 * low;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TextRanges that && Arrays.equals(bounds, that.bounds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bounds);
    }

    @Override
    public String toString() {
        return Arrays.toString(bounds);
    }

    /** Collects stretches from the text's beginning to its end. */
    public static final class Builder {
        private int[] bounds = new int[16];
        private int count;

        /** Adds a stretch behind all others; it may touch the last one, and may be empty. */
        public Builder add(int start, int end) {
            if (start >= end) {
                return this;
            }
            if (count > 0 && bounds[count - 1] >= start) {
                bounds[count - 1] = Math.max(bounds[count - 1], end);
                return this;
            }
            if (count == bounds.length) {
                bounds = Arrays.copyOf(bounds, 2 * count);
            }
            bounds[count++] = start;
            bounds[count++] = end;
            return this;
        }

        /** Adds all of a text that begins at {@code shift}. */
        public Builder add(TextRanges ranges, int shift) {
            for (int i = 0; i < ranges.bounds.length; i += 2) {
                add(ranges.bounds[i] + shift, ranges.bounds[i + 1] + shift);
            }
            return this;
        }

        /** The stretches so far. */
        public TextRanges build() {
            return count == 0 ? NONE : new TextRanges(Arrays.copyOf(bounds, count));
        }
    }
}
