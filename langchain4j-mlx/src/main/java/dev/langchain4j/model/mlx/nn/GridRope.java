package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import java.util.function.UnaryOperator;

/**
 * Rotary positions of patches in a grid: some pairs of a head's dimensions turn with the row, others with the column.
 *
 * @param cos of the angle of each pair, [patches, 1, parts, 1, pairs of a part]
 * @param sin as {@code cos}
 */
public record GridRope(MlxArray cos, MlxArray sin) implements UnaryOperator<MlxArray> {

    /**
     * Rows and columns of patches, in the order in which they are fed.
     *
     * @param rows the row of each patch
     * @param columns the column of each patch
     */
    public record Places(int[] rows, int[] columns) {

        /** A whole grid, row by row. */
        static Places ofGrid(int rows, int columns) {
            int[] row = new int[rows * columns];
            int[] column = new int[rows * columns];
            Arrays.setAll(row, patch -> patch / columns);
            Arrays.setAll(column, patch -> patch % columns);
            return new Places(row, column);
        }
    }

    /**
     * Positions of a grid's patches, row by row, by frequencies of {@code base}, the even ones for rows and the odd
     * ones for columns. A dimension's partner is half a head away (Pixtral).
     */
    public static GridRope alternating(int rows, int columns, int dim, double base, DType type) {
        float[] byRow = frequencies((dim / 2 + 1) / 2, i -> 4.0 * i / dim, base);
        float[] byColumn = frequencies(dim / 2 / 2, i -> (4.0 * i + 2) / dim, base);
        return of(angles(Places.ofGrid(rows, columns), byRow, byColumn, false), rows * columns, 1, type);
    }

    /**
     * Positions of a grid's patches, row by row, of columns in the first half of a head, and of rows in the second, by
     * the same frequencies (Gemma 4).
     */
    public static GridRope halves(int rows, int columns, int dim, double base, DType type) {
        float[] each = frequencies(dim / 4, i -> 4.0 * i / dim, base);
        return of(angles(Places.ofGrid(rows, columns), each, each, true), rows * columns, 2, type);
    }

    /**
     * Positions of rows in the first quarter of a head, and of columns in the second, by the same frequencies. A
     * dimension's partner is half a head away, and heads are turned in single precision (Qwen).
     */
    public static GridRope quarters(Places places, int dim, double base) {
        float[] each = frequencies(dim / 4, i -> 4.0 * i / dim, base);
        return of(angles(places, each, each, false), places.rows.length, 1, DType.FLOAT32);
    }

    private static float[] frequencies(int count, IntToDoubleFunction exponent, double base) {
        float[] all = new float[count];
        for (int i = 0; i < count; i++) {
            all[i] = 1 / (float) Math.pow(base, exponent.applyAsDouble(i));
        }
        return all;
    }

    /** Angles of single precision, as those of the reference are: of each patch those by row and those by column. */
    static float[] angles(Places places, float[] byRow, float[] byColumn, boolean columnsFirst) {
        int patches = places.rows.length;
        float[] all = new float[patches * (byRow.length + byColumn.length)];
        int at = 0;
        for (int patch = 0; patch < patches; patch++) {
            for (int turn = 0; turn < 2; turn++) {
                boolean row = (turn == 0) != columnsFirst;
                for (float frequency : row ? byRow : byColumn) {
                    all[at++] = (row ? places.rows : places.columns)[patch] * frequency;
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

    /** Turns heads, [1, patches, heads, dim]; they keep their type. */
    @Override
    public MlxArray apply(MlxArray heads) {
        MlxArray pairs = Indexing.unflatten(heads, -1, cos.dim(2), 2, cos.dim(4));
        MlxArray[] xy = Indexing.split(pairs, 2, -2);
        MlxArray x = Ops.subtract(Ops.multiply(xy[0], cos), Ops.multiply(xy[1], sin));
        MlxArray y = Ops.add(Ops.multiply(xy[1], cos), Ops.multiply(xy[0], sin));
        return Ops.astype(Indexing.reshape(Indexing.concatenate(-2, x, y), heads.shape()), heads.dtype());
    }
}
