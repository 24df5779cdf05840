package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;

/**
 * The gated delta rule: a matrix of values by keys decays, and is corrected towards each new value. A few positions are
 * computed one by one, many in chunks: within a chunk all corrections are the solution of one triangular system, and
 * only the matrix goes from chunk to chunk. Source: mlx-lm's {@code models/gated_delta.py}; arXiv:2412.06464, and for
 * chunks arXiv:2406.06484.
 */
public final class GatedDelta {
    private static final Compiled LOG_DECAY = Compiled.of(in -> {
        MlxArray x = Ops.add(in[1], in[2]);
        return Ops.multiply(in[0], Ops.logaddexp(x, MlxArray.scalar(0, x.dtype())));
    });
    private static final double EPS = 1e-6;
    private static final int CHUNK = 64;
    /** Shorter, because there a number for each dimension of each pair of positions is held. */
    private static final int DIMENSION_CHUNK = 16;
    /** From this many positions on, chunks need fewer operations. */
    private static final int CHUNKED_MIN = 12;

    /**
     * What comes out, [1, length, value heads, value dim], and the matrix after the last token, or after each of them.
     */
    public record Result(MlxArray output, MlxArray... matrices) {
        /** The matrix after the last token. */
        public MlxArray matrix() {
            return matrices[matrices.length - 1];
        }
    }

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

    /** -exp(aLog), by value head: what {@link #logDecay} multiplies by. */
    public static MlxArray rate(MlxArray aLog) {
        return Ops.negative(Ops.exp(Ops.astype(aLog, DType.FLOAT32)));
    }

    /** rate softplus(a + bias): the logarithm of how much of the matrix a token keeps, by value head. */
    public static MlxArray logDecay(MlxArray rate, MlxArray a, MlxArray bias) {
        return LOG_DECAY.apply(rate, a, bias);
    }

    /**
     * Runs the rule over new tokens. A single one may have a row for each of several sequences, in all arrays.
     *
     * @param q normalized queries [1, length, key heads, key dim]
     * @param k normalized keys, of the same shape
     * @param v values [1, length, value heads, value dim]
     * @param logDecay [1, length, value heads], or [1, length, value heads, key dim] where each dimension of keys
     *     decays in its own way
     * @param beta weight of each correction, [1, length, value heads]
     * @param matrix [1, value heads, value dim, key dim]; null at the start of a sequence
     * @param each whether the matrix after each token is wanted
     */
    public static Result run(
            MlxArray q,
            MlxArray k,
            MlxArray v,
            MlxArray logDecay,
            MlxArray beta,
            MlxArray matrix,
            int length,
            boolean each) {
        CheckedKernel kernel =
                logDecay.ndim() == 3 ? RecurrentKernels.GATED_DELTA : RecurrentKernels.GATED_DELTA_BY_DIMENSION;
        if (!RecurrentKernels.fits(q.dim(3)) || !kernel.isUsable()) {
            return composed(q, k, v, logDecay, beta, matrix, length, each);
        }
        MlxArray m = matrix != null ? matrix : Indexing.zeros(DType.FLOAT32, v.dim(0), v.dim(2), v.dim(3), k.dim(3));
        if (!each || length == 1) {
            MlxArray[] both = RecurrentKernels.gatedDelta(q, k, v, logDecay, beta, m);
            return new Result(both[0], both[1]);
        }
        MlxArray[] outputs = new MlxArray[length];
        MlxArray[] matrices = new MlxArray[length];
        for (int t = 0; t < length; t++) {
            MlxArray[] both = RecurrentKernels.gatedDelta(
                    token(q, t), token(k, t), token(v, t), token(logDecay, t), token(beta, t), m);
            outputs[t] = both[0];
            m = matrices[t] = both[1];
        }
        return new Result(Indexing.concatenate(1, outputs), matrices);
    }

    private static MlxArray token(MlxArray a, int t) {
        return Indexing.slice(a, 1, t, t + 1);
    }

    /** As {@link #run}, of MLX's own operations. */
    static Result composed(
            MlxArray q,
            MlxArray k,
            MlxArray v,
            MlxArray logDecay,
            MlxArray beta,
            MlxArray matrix,
            int length,
            boolean each) {
        int repeats = v.dim(2) / q.dim(2);
        MlxArray queries = repeats == 1 ? q : Indexing.repeat(q, repeats, 2);
        MlxArray keys = repeats == 1 ? k : Indexing.repeat(k, repeats, 2);
        if (each || length < CHUNKED_MIN) {
            return oneByOne(queries, keys, v, Ops.exp(logDecay), beta, matrix, length, each);
        }
        return logDecay.ndim() == 3
                ? chunked(queries, keys, v, logDecay, beta, matrix, length)
                : chunkedByDimension(queries, keys, v, logDecay, beta, matrix, length);
    }

    private static Result oneByOne(
            MlxArray q,
            MlxArray k,
            MlxArray v,
            MlxArray decay,
            MlxArray beta,
            MlxArray matrix,
            int length,
            boolean each) {
        MlxArray m = matrix;
        MlxArray[] outputs = new MlxArray[length];
        MlxArray[] matrices = new MlxArray[each ? length : 1];
        for (int t = 0; t < length; t++) {
            MlxArray key = Indexing.expandDims(at(k, t), -2);
            MlxArray query = Indexing.expandDims(at(q, t), -2);
            MlxArray value = Ops.astype(at(v, t), DType.FLOAT32);
            if (m != null) {
                MlxArray kept = at(decay, t);
                m = Ops.multiply(m, kept.ndim() == 2 ? column(column(kept)) : Indexing.expandDims(kept, -2));
                value = Ops.subtract(value, Ops.sum(Ops.multiply(m, key), -1, false));
            }
            MlxArray delta = Ops.multiply(value, column(at(beta, t)));
            MlxArray added = Ops.multiply(key, column(delta));
            m = m == null ? added : Ops.add(m, added);
            matrices[each ? t : 0] = m;
            outputs[t] = Ops.astype(Ops.sum(Ops.multiply(m, query), -1, false), q.dtype());
        }
        return new Result(length == 1 ? Indexing.expandDims(outputs[0], 1) : Indexing.stack(1, outputs), matrices);
    }

    private static MlxArray at(MlxArray a, int t) {
        return Indexing.squeeze(a.dim(1) == 1 ? a : Indexing.slice(a, 1, t, t + 1), 1);
    }

    private static MlxArray column(MlxArray a) {
        return Indexing.expandDims(a, -1);
    }

    private static Result chunked(
            MlxArray q, MlxArray k, MlxArray v, MlxArray logDecay, MlxArray beta, MlxArray matrix, int length) {
        int size = Math.min(CHUNK, Integer.highestOneBit(length - 1) * 2);
        int chunks = Math.ceilDiv(length, size);
        MlxArray queries = chunks(q, chunks, size);
        MlxArray keys = chunks(k, chunks, size);
        MlxArray values = chunks(v, chunks, size);
        MlxArray weights = chunks(column(beta), chunks, size);
        MlxArray rates = Indexing.squeeze(chunks(column(logDecay), chunks, size), -1);
        MlxArray decay = Ops.exp(Decay.sums(rates));
        MlxArray since = column(Ops.exp(Ops.cumsum(rates, -1, false, true)));
        MlxArray keysAcross = Indexing.swapAxes(keys, -1, -2);
        MlxArray overlaps = Ops.multiply(Ops.multiply(Ops.matmul(keys, keysAcross), decay), weights);
        MlxArray solver = UnitTriangular.inverse(Indexing.tril(overlaps, -1));
        MlxArray fresh = Ops.matmul(solver, Ops.multiply(values, weights));
        MlxArray recall = Ops.matmul(solver, Ops.multiply(keys, Ops.multiply(weights, since)));
        MlxArray attention = Indexing.tril(Ops.multiply(Ops.matmul(queries, keysAcross), decay), 0);
        MlxArray readers = Ops.multiply(queries, since);
        MlxArray toEnd = Indexing.slice(decay, 2, size - 1, size);
        MlxArray writers = Ops.multiply(keysAcross, toEnd);
        MlxArray kept = Indexing.slice(since, 2, size - 1, size);

        MlxArray m = matrix == null ? null : Indexing.swapAxes(Indexing.squeeze(matrix, 0), -1, -2);
        MlxArray[] outputs = new MlxArray[chunks];
        for (int i = 0; i < chunks; i++) {
            MlxArray deltas = chunk(fresh, i);
            MlxArray read = null;
            if (m != null) {
                deltas = Ops.subtract(deltas, Ops.matmul(chunk(recall, i), m));
                read = Ops.matmul(chunk(readers, i), m);
            }
            MlxArray own = Ops.matmul(chunk(attention, i), deltas);
            outputs[i] = read == null ? own : Ops.add(own, read);
            MlxArray written = Ops.matmul(chunk(writers, i), deltas);
            m = m == null ? written : Ops.add(Ops.multiply(m, chunk(kept, i)), written);
        }
        MlxArray all = Indexing.transpose(Indexing.stack(0, outputs), 0, 2, 1, 3);
        MlxArray flat = Indexing.expandDims(Indexing.flatten(all, 0, 1), 0);
        MlxArray output = flat.dim(1) == length ? flat : Indexing.slice(flat, 1, 0, length);
        MlxArray last = Indexing.contiguous(Indexing.expandDims(Indexing.swapAxes(m, -1, -2), 0));
        return new Result(Ops.astype(output, q.dtype()), last);
    }

    /**
     * As {@link #chunked}, where each dimension of keys decays in its own way, one chunk after the other. What is
     * between two positions is summed up for each pair: a product of decays and of their reciprocals would overflow.
     */
    private static Result chunkedByDimension(
            MlxArray q, MlxArray k, MlxArray v, MlxArray logDecay, MlxArray beta, MlxArray matrix, int length) {
        int size = DIMENSION_CHUNK;
        MlxArray m = matrix == null ? null : Indexing.swapAxes(matrix, -1, -2);
        MlxArray[] outputs = new MlxArray[Math.ceilDiv(length, size)];
        for (int i = 0; i < outputs.length; i++) {
            int start = i * size;
            int end = Math.min(length, start + size);
            MlxArray queries = chunks(Indexing.slice(q, 1, start, end), 1, size);
            MlxArray keys = chunks(Indexing.slice(k, 1, start, end), 1, size);
            MlxArray values = chunks(Indexing.slice(v, 1, start, end), 1, size);
            MlxArray weights = chunks(column(Indexing.slice(beta, 1, start, end)), 1, size);
            MlxArray rates = chunks(Indexing.slice(logDecay, 1, start, end), 1, size);
            MlxArray decay = Ops.exp(Decay.sums(Indexing.swapAxes(rates, -1, -2)));
            MlxArray since = Ops.exp(Ops.cumsum(rates, -2, false, true));
            MlxArray keysAcross = Indexing.swapAxes(keys, -1, -2);
            MlxArray overlaps = Ops.multiply(products(keys, keysAcross, decay), weights);
            MlxArray solver = UnitTriangular.inverse(Indexing.tril(overlaps, -1));
            MlxArray deltas = Ops.matmul(solver, Ops.multiply(values, weights));
            if (m != null) {
                MlxArray recall = Ops.matmul(solver, Ops.multiply(keys, Ops.multiply(weights, since)));
                deltas = Ops.subtract(deltas, Ops.matmul(recall, m));
            }
            MlxArray own = Ops.matmul(Indexing.tril(products(queries, keysAcross, decay), 0), deltas);
            outputs[i] = m == null ? own : Ops.add(own, Ops.matmul(Ops.multiply(queries, since), m));
            MlxArray toEnd = Indexing.squeeze(Indexing.slice(decay, 3, size - 1, size), 3);
            MlxArray written = Ops.matmul(Ops.multiply(keysAcross, toEnd), deltas);
            MlxArray kept = Indexing.swapAxes(Indexing.slice(since, 2, size - 1, size), -1, -2);
            m = m == null ? written : Ops.add(Ops.multiply(m, kept), written);
        }
        MlxArray all = Indexing.transpose(Indexing.concatenate(2, outputs), 0, 2, 1, 3);
        MlxArray output = Indexing.slice(all, 1, 0, length);
        return new Result(Ops.astype(output, q.dtype()), Indexing.contiguous(Indexing.swapAxes(m, -1, -2)));
    }

    /**
     * Products of each position with each one before it, whose dimensions have decayed since.
     *
     * @param rows [1, heads, size, dim]
     * @param across [1, heads, dim, size]
     * @param decay [1, heads, dim, size, size]
     */
    private static MlxArray products(MlxArray rows, MlxArray across, MlxArray decay) {
        MlxArray pairs = Ops.multiply(column(Indexing.swapAxes(rows, -1, -2)), Indexing.expandDims(across, -2));
        return Ops.sum(Ops.multiply(pairs, decay), 2, false);
    }

    /** [1, length, heads, dim] to [chunks, heads, size, dim], with zeros at the end, which change nothing. */
    private static MlxArray chunks(MlxArray a, int chunks, int size) {
        MlxArray single = Ops.astype(a, DType.FLOAT32);
        int missing = chunks * size - a.dim(1);
        MlxArray padded =
                missing == 0 ? single : Indexing.pad(single, 1, 0, missing, MlxArray.scalar(0, DType.FLOAT32));
        return Indexing.transpose(Indexing.reshape(padded, chunks, size, a.dim(2), a.dim(3)), 0, 2, 1, 3);
    }

    private static MlxArray chunk(MlxArray a, int i) {
        return Indexing.squeeze(a.dim(0) == 1 ? a : Indexing.slice(a, 0, i, i + 1), 0);
    }
}
