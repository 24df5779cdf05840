package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import java.util.function.IntToDoubleFunction;
import java.util.function.UnaryOperator;

/**
 * Rotary positions of patches in a grid, row by row: some pairs of a head's dimensions turn with the row, others with the
 * column.
 *
 * @param cos of the angle of each pair, [patches, 1, parts, 1, pairs of a part]
 * @param sin as {@code cos}
 */
public record GridRope(MlxArray cos, MlxArray sin) implements UnaryOperator<MlxArray> {

    /**
     * Positions by frequencies of {@code base}, the even ones for rows and the odd ones for columns. A dimension's partner is
     * half a head away (Pixtral).
     */
    public static GridRope alternating(int rows, int columns, int dim, double base, DType type) {
        float[] byRow = frequencies((dim / 2 + 1) / 2, i -> 4.0 * i / dim, base);
        float[] byColumn = frequencies(dim / 2 / 2, i -> (4.0 * i + 2) / dim, base);
        return of(angles(rows, columns, byRow, byColumn, false), rows * columns, 1, type);
    }

    /** Positions of columns in the first half of a head, and of rows in the second, by the same frequencies (Gemma 4). */
    public static GridRope halves(int rows, int columns, int dim, double base, DType type) {
        float[] each = frequencies(dim / 4, i -> 4.0 * i / dim, base);
        return of(angles(rows, columns, each, each, true), rows * columns, 2, type);
    }

    private static float[] frequencies(int count, IntToDoubleFunction exponent, double base) {
        float[] all = new float[count];
        for (int i = 0; i < count; i++) {
            all[i] = 1 / (float) Math.pow(base, exponent.applyAsDouble(i));
        }
        return all;
    }

    /** Angles of single precision, as those of the reference are: of each patch those by row and those by column. */
    static float[] angles(int rows, int columns, float[] byRow, float[] byColumn, boolean columnsFirst) {
        float[] all = new float[rows * columns * (byRow.length + byColumn.length)];
        int at = 0;
        for (int patch = 0; patch < rows * columns; patch++) {
            for (int turn = 0; turn < 2; turn++) {
                boolean row = (turn == 0) != columnsFirst;
                for (float frequency : row ? byRow : byColumn) {
                    all[at++] = (row ? patch / columns : patch % columns) * frequency;
                }
            }
        }
        return all;
    }

    private static GridRope of(float[] angles, int patches, int parts, DType type) {
        float[] cos = new float[angles.length];
        float[] sin = new float[angles.length];
        for (int i = 0; i < angles.length; i++) {
            cos[i] = (float) Math.cos(angles[i]);
            sin[i] = (float) Math.sin(angles[i]);
        }
        int[] shape = {patches, 1, parts, 1, angles.length / patches / parts};
        return new GridRope(Ops.astype(MlxArray.of(cos, shape), type), Ops.astype(MlxArray.of(sin, shape), type));
    }

    /** Turns heads, [1, patches, heads, dim]. */
    @Override
    public MlxArray apply(MlxArray heads) {
        MlxArray pairs = Indexing.unflatten(heads, -1, cos.dim(2), 2, cos.dim(4));
        MlxArray[] xy = Indexing.split(pairs, 2, -2);
        MlxArray x = Ops.subtract(Ops.multiply(xy[0], cos), Ops.multiply(xy[1], sin));
        MlxArray y = Ops.add(Ops.multiply(xy[1], cos), Ops.multiply(xy[0], sin));
        return Indexing.reshape(Indexing.concatenate(-2, x, y), heads.shape());
    }
}
