package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;

/**
 * The gated delta rule, token by token: a matrix of values by keys decays, and is corrected towards each new value.
 * Source: mlx-lm's {@code models/gated_delta.py}; arXiv:2412.06464.
 */
public final class GatedDelta {
    private static final double EPS = 1e-6;

    /** What comes out, [1, length, value heads, value dim], and the matrix after the last token. */
    public record Result(MlxArray output, MlxArray matrix) {}

    private GatedDelta() {}

    /** Queries of unit length, times the root of their dimensions' reciprocal; [1, length, heads, dim]. */
    public static MlxArray normalizedQueries(MlxArray q) {
        int dim = q.dim(-1);
        return Ops.multiply(Fast.rmsNorm(q, null, (float) (EPS / dim)), 1.0 / dim);
    }

    /** Keys of unit length; [1, length, heads, dim]. */
    public static MlxArray normalizedKeys(MlxArray k) {
        int dim = k.dim(-1);
        return Ops.multiply(Fast.rmsNorm(k, null, (float) (EPS / dim)), 1 / Math.sqrt(dim));
    }

    /** exp(-exp(aLog) softplus(a + bias)): how much of the matrix a token keeps, by value head. */
    public static MlxArray decay(MlxArray aLog, MlxArray a, MlxArray bias) {
        MlxArray x = Ops.add(a, bias);
        MlxArray softplus = Ops.logaddexp(x, MlxArray.scalar(0, x.dtype()));
        return Ops.exp(Ops.negative(Ops.multiply(Ops.exp(Ops.astype(aLog, DType.FLOAT32)), softplus)));
    }

    /**
     * Runs the rule over new tokens.
     *
     * @param q normalized queries [1, length, key heads, key dim]
     * @param k normalized keys, of the same shape
     * @param v values [1, length, value heads, value dim]
     * @param decay [1, length, value heads]
     * @param beta weight of each correction, [1, length, value heads]
     * @param matrix [1, value heads, value dim, key dim]; null at the start of a sequence
     */
    public static Result run(
            MlxArray q, MlxArray k, MlxArray v, MlxArray decay, MlxArray beta, MlxArray matrix, int length) {
        int heads = v.dim(2);
        int repeats = heads / q.dim(2);
        MlxArray queries = repeats == 1 ? q : Indexing.repeat(q, repeats, 2);
        MlxArray keys = repeats == 1 ? k : Indexing.repeat(k, repeats, 2);
        MlxArray m = matrix != null ? matrix : Indexing.zeros(DType.FLOAT32, 1, heads, v.dim(3), q.dim(3));
        MlxArray[] outputs = new MlxArray[length];
        for (int t = 0; t < length; t++) {
            MlxArray key = Indexing.expandDims(at(keys, t), -2);
            MlxArray query = Indexing.expandDims(at(queries, t), -2);
            m = Ops.multiply(m, column(column(at(decay, t))));
            MlxArray recalled = Ops.sum(Ops.multiply(m, key), -1, false);
            MlxArray delta = Ops.multiply(Ops.subtract(at(v, t), recalled), column(at(beta, t)));
            m = Ops.add(m, Ops.multiply(key, column(delta)));
            outputs[t] = Ops.astype(Ops.sum(Ops.multiply(m, query), -1, false), q.dtype());
        }
        return new Result(Indexing.stack(1, outputs), m);
    }

    private static MlxArray at(MlxArray a, int t) {
        return Indexing.squeeze(Indexing.slice(a, 1, t, t + 1), 1);
    }

    private static MlxArray column(MlxArray a) {
        return Indexing.expandDims(a, -1);
    }
}
