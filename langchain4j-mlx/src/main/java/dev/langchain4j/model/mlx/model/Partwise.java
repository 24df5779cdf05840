package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Rearrangements of tensors that are not read yet. A part of the result is made of parts of what it is made of, so that
 * a rank reads no more of a file than what it has of the model.
 */
public final class Partwise {
    private Partwise() {}

    /** What a function makes of each element on its own. */
    public static MlxArray map(MlxArray a, UnaryOperator<MlxArray> function) {
        return function.apply(a).withParts(bounds -> {
            MlxArray part = a.readPart(bounds);
            return part == null ? null : function.apply(part);
        });
    }

    /** Arrays of one shape beside each other along a new first axis. */
    public static MlxArray stack(MlxArray... each) {
        return Indexing.stack(0, each).withParts(bounds -> {
            int[][] ofEach = Arrays.copyOfRange(bounds, 1, bounds.length);
            List<MlxArray> parts = new ArrayList<>();
            for (int index : indices(bounds[0])) {
                MlxArray part = each[index].readPart(ofEach);
                if (part == null) {
                    return null;
                }
                parts.add(part);
            }
            return Indexing.stack(0, parts.toArray(MlxArray[]::new));
        });
    }

    /** The indices [start, stop) of an axis. */
    public static MlxArray slice(MlxArray a, int axis, int start, int stop) {
        MlxArray slice = Indexing.contiguous(Indexing.slice(a, axis, start, stop));
        return selected(slice, a, axis, bounds -> Arrays.stream(bounds)
                .map(index -> start + index)
                .toArray());
    }

    /** Every second index of an axis. */
    public static MlxArray everySecond(MlxArray a, int axis, int first) {
        int at = Math.floorMod(axis, a.ndim());
        MlxArray pairs = Indexing.unflatten(a, at, a.dim(at) / 2, 2);
        MlxArray single = Indexing.squeeze(Indexing.slice(pairs, at + 1, first, first + 1), at + 1);
        return selected(Indexing.contiguous(single), a, at, bounds -> Arrays.stream(indices(bounds))
                .flatMap(index -> Arrays.stream(new int[] {2 * index + first, 2 * index + first + 1}))
                .toArray());
    }

    /** What an array has at some indices of an axis; {@code within} tells the bounds there of bounds of the result. */
    private static MlxArray selected(MlxArray result, MlxArray a, int axis, UnaryOperator<int[]> within) {
        return result.withParts(bounds -> {
            int[][] own = bounds.clone();
            int at = Math.floorMod(axis, own.length);
            own[at] = within.apply(bounds[at]);
            return a.readPart(own);
        });
    }

    /** The first axis as two, of which the second one has this length. */
    public static MlxArray splitFirst(MlxArray a, int length) {
        return Indexing.unflatten(a, 0, a.dim(0) / length, length).withParts(bounds -> {
            int[] outer = indices(bounds[0]);
            int[] rows = Arrays.stream(outer)
                    .flatMap(index -> Arrays.stream(bounds[1]).map(row -> index * length + row))
                    .toArray();
            int[][] own = Arrays.copyOfRange(bounds, 1, bounds.length);
            own[0] = rows;
            MlxArray part = a.readPart(own);
            return part == null ? null : Indexing.unflatten(part, 0, outer.length, part.dim(0) / outer.length);
        });
    }

    /** The last two axes exchanged. */
    public static MlxArray swapLast(MlxArray a) {
        return Indexing.contiguous(Indexing.swapAxes(a, -1, -2)).withParts(bounds -> {
            int[][] own = bounds.clone();
            own[own.length - 1] = bounds[own.length - 2];
            own[own.length - 2] = bounds[own.length - 1];
            MlxArray part = a.readPart(own);
            return part == null ? null : Indexing.contiguous(Indexing.swapAxes(part, -1, -2));
        });
    }

    /** What lies at these indices; of what cannot be read in parts, the whole is. */
    static MlxArray part(MlxArray a, int[]... bounds) {
        MlxArray part = a.readPart(bounds);
        return part == null ? sliced(a, bounds) : part;
    }

    /** The same, lazily, of the whole array. */
    static MlxArray sliced(MlxArray a, int[]... bounds) {
        MlxArray part = a;
        for (int axis = 0; axis < bounds.length; axis++) {
            Part own = new Part(a.dim(axis), bounds[axis]);
            part = own.isWhole() ? part : own.of(part, axis);
        }
        return Indexing.contiguous(part);
    }

    private static int[] indices(int[] bounds) {
        int[] indices = new int[new Part(0, bounds).length()];
        int count = 0;
        for (int i = 0; i < bounds.length; i += 2) {
            for (int index = bounds[i]; index < bounds[i + 1]; index++) {
                indices[count++] = index;
            }
        }
        return indices;
    }
}
