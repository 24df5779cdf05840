package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;

/** Lower triangular matrices with ones on the diagonal. */
final class UnitTriangular {
    private UnitTriangular() {}

    /**
     * The inverse of I + L, by halves: that of [[A, 0], [B, D]] is [[A', 0], [-D' B A', D']], where A' and D' are the
     * inverses. As steady as substitution row by row, but a few products for all matrices at once; a power series would
     * lose all digits where keys repeat.
     *
     * @param lower L, zero on the diagonal and above, [batches, heads, size, size]; the size is a power of two
     */
    static MlxArray inverse(MlxArray lower) {
        int batches = lower.dim(0);
        int heads = lower.dim(1);
        int size = lower.dim(2);
        MlxArray flat = Indexing.reshape(lower, batches, heads, size * size);
        MlxArray blocks = Indexing.ones(lower.dtype(), batches, heads, size, 1, 1);
        for (int half = 1; half < size; half *= 2) {
            int pairs = size / (2 * half);
            MlxArray corner =
                    Indexing.reshape(Indexing.take(flat, corners(size, half), 2), batches, heads, pairs, half, half);
            MlxArray[] ad = Indexing.split(Indexing.unflatten(blocks, 2, pairs, 2), 2, 3);
            MlxArray a = Indexing.squeeze(ad[0], 3);
            MlxArray d = Indexing.squeeze(ad[1], 3);
            MlxArray b = Ops.negative(Ops.matmul(Ops.matmul(d, corner), a));
            MlxArray top = Indexing.concatenate(-1, a, Indexing.zerosLike(a));
            blocks = Indexing.concatenate(-2, top, Indexing.concatenate(-1, b, d));
        }
        return Indexing.squeeze(blocks, 2);
    }

    /** Where the corners below the diagonal blocks of this size stand in a matrix that is written row by row. */
    private static MlxArray corners(int size, int half) {
        int[] indices = new int[size / 2 * half];
        int n = 0;
        for (int start = 0; start < size; start += 2 * half) {
            for (int row = start + half; row < start + 2 * half; row++) {
                for (int column = start; column < start + half; column++) {
                    indices[n++] = row * size + column;
                }
            }
        }
        return MlxArray.of(indices, indices.length);
    }
}
