package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import java.util.Arrays;

/**
 * The indices of a dimension that a rank has: half-open ranges, in order.
 *
 * @param whole length of the dimension
 * @param bounds first index of a range and the one behind its last, in turns
 */
public record Part(int whole, int... bounds) {

    /** All of a dimension. */
    public static Part all(int length) {
        return new Part(length, 0, length);
    }

    /** How many indices there are. */
    public int length() {
        int length = 0;
        for (int i = 0; i < bounds.length; i += 2) {
            length += bounds[i + 1] - bounds[i];
        }
        return length;
    }

    /** Whether it has all indices. */
    public boolean isWhole() {
        return length() == whole;
    }

    /** The same where each index stands for so many. */
    public Part times(int factor) {
        return new Part(
                whole * factor, Arrays.stream(bounds).map(b -> b * factor).toArray());
    }

    /** The same where so many indices become one; whether they may is what {@link #isMultipleOf} says. */
    public Part over(int divisor) {
        return new Part(
                whole / divisor, Arrays.stream(bounds).map(b -> b / divisor).toArray());
    }

    /** Whether all ranges begin and end at multiples. */
    public boolean isMultipleOf(int divisor) {
        return Arrays.stream(bounds).allMatch(b -> b % divisor == 0);
    }

    /** This part, and behind it one of a dimension that follows this one. */
    public Part and(Part next) {
        int[] both = Arrays.copyOf(bounds, bounds.length + next.bounds.length);
        for (int i = 0; i < next.bounds.length; i++) {
            both[bounds.length + i] = whole + next.bounds[i];
        }
        return new Part(whole + next.whole, both);
    }

    /** What an array has there, lazily. */
    public MlxArray of(MlxArray array, int axis) {
        MlxArray[] ranges = new MlxArray[bounds.length / 2];
        for (int i = 0; i < ranges.length; i++) {
            ranges[i] = Indexing.slice(array, axis, bounds[2 * i], bounds[2 * i + 1]);
        }
        return ranges.length == 1 ? ranges[0] : Indexing.concatenate(axis, ranges);
    }
}
