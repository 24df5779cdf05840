package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.function.UnaryOperator;

/**
 * The state-space duality of Mamba 2: a matrix for each head decays, takes up what comes in by one vector (B) and is
 * read by another (C). Within a chunk the same is computed as attention with decaying weights. Source: mlx-lm's {@code
 * models/ssm.py}; arXiv:2405.21060.
 *
 * @param rate what a time step is multiplied by for the logarithm of what the state keeps, [heads]
 * @param skip share of the input that goes straight to the output, [heads, 1]
 * @param dtBias added to time steps, [heads]
 * @param dtMin least time step
 * @param dtMax greatest time step; may be infinite
 */
public record StateSpace(MlxArray rate, MlxArray skip, MlxArray dtBias, double dtMin, double dtMax) {
    /** Positions that are computed together: the work grows with its square, the number of operations falls with it. */
    private static final int CHUNK = 256;

    private static final Compiled STEPS = Compiled.of(StateSpace::stepsAtLeast);
    private static final Compiled LIMITED_STEPS = Compiled.of(in -> Ops.minimum(stepsAtLeast(in), in[3]));

    private static MlxArray stepsAtLeast(MlxArray... in) {
        MlxArray sum = Ops.add(Ops.astype(in[0], DType.FLOAT32), in[1]);
        return Ops.maximum(Ops.logaddexp(sum, MlxArray.scalar(0, DType.FLOAT32)), in[2]);
    }

    /** The state space of the tensors A_log, D and dt_bias of this layer. */
    public static StateSpace load(Weights w, String name, int heads, double dtMin, double dtMax) {
        return of(
                w::adopt,
                w.get(name + ".A_log", heads),
                w.get(name + ".D", heads),
                w.get(name + ".dt_bias", heads),
                dtMin,
                dtMax);
    }

    static StateSpace of(
            UnaryOperator<MlxArray> owner, MlxArray aLog, MlxArray skip, MlxArray dtBias, double dtMin, double dtMax) {
        MlxArray rate = owner.apply(Ops.negative(Ops.astype(Ops.exp(aLog), DType.FLOAT32)));
        return new StateSpace(rate, owner.apply(Indexing.expandDims(skip, -1)), dtBias, dtMin, dtMax);
    }

    /** What comes out, [1, length, heads, head dim], and the state after the last position, or after each of them. */
    public record Result(MlxArray output, MlxArray... states) {
        /** The state after the last position. */
        public MlxArray state() {
            return states[states.length - 1];
        }
    }

    /**
     * Runs new positions.
     *
     * @param x [1, length, heads, head dim]
     * @param b how they are written into the state, [1, length, groups, state size]
     * @param c how it is read, [1, length, groups, state size]
     * @param dt time steps before bias and softplus, [1, length, heads]
     * @param state [1, groups, heads of a group, head dim, state size]; null at the start of a sequence
     * @param each whether the state after each position is wanted
     */
    public Result run(MlxArray x, MlxArray b, MlxArray c, MlxArray dt, MlxArray state, int length, boolean each) {
        MlxArray steps = steps(dt);
        boolean byKernel = length == 1 && state != null && RecurrentKernels.fits(b.dim(3));
        if (byKernel && RecurrentKernels.STATE_SPACE.isUsable()) {
            MlxArray[] both = RecurrentKernels.stateSpace(x, b, c, steps, rate, skip, state);
            return new Result(both[0], both[1]);
        }
        return composed(x, b, c, steps, state, length, each);
    }

    /** A position of MLX's own operations: what comes out, and the state. */
    static MlxArray[] composedStep(
            MlxArray x, MlxArray b, MlxArray c, MlxArray steps, MlxArray rate, MlxArray skip, MlxArray state) {
        StateSpace space = new StateSpace(rate, Indexing.expandDims(skip, -1), null, 0, 0);
        Result result = space.composed(x, b, c, steps, state, 1, false);
        return new MlxArray[] {result.output(), result.state()};
    }

    private Result composed(
            MlxArray x, MlxArray b, MlxArray c, MlxArray steps, MlxArray state, int length, boolean each) {
        MlxArray rates = Ops.multiply(steps, rate);
        MlxArray weighted = Ops.multiply(Indexing.expandDims(steps, -1), x);
        int groups = b.dim(2);
        int perGroup = x.dim(2) / groups;
        MlxArray xs = Indexing.unflatten(weighted, 2, groups, perGroup);
        MlxArray as = Indexing.unflatten(rates, 2, groups, perGroup);
        boolean oneByOne = length == 1 || each;
        int size = oneByOne ? 1 : CHUNK;
        MlxArray[] parts = new MlxArray[Math.ceilDiv(length, size)];
        MlxArray[] states = new MlxArray[each ? length : 1];
        MlxArray s = state;
        for (int i = 0; i < parts.length; i++) {
            int start = i * size;
            int end = Math.min(length, start + size);
            MlxArray px = cut(xs, start, end);
            MlxArray pa = cut(as, start, end);
            MlxArray pb = cut(b, start, end);
            MlxArray pc = cut(c, start, end);
            if (oneByOne) {
                Step step = Step.of(px, pa, pb, pc);
                parts[i] = step.output(s);
                s = step.next(s);
            } else {
                Chunk chunk = Chunk.of(px, pa, pb, pc);
                parts[i] = chunk.output(s);
                s = chunk.next(s);
            }
            states[each ? i : 0] = s;
        }
        MlxArray y = parts.length == 1 ? parts[0] : Indexing.concatenate(1, parts);
        MlxArray out = Ops.astype(Indexing.flatten(y, 2, 3), x.dtype());
        return new Result(Ops.add(out, Ops.multiply(x, skip)), states);
    }

    private MlxArray steps(MlxArray dt) {
        MlxArray min = MlxArray.scalar(dtMin, DType.FLOAT32);
        return Double.isInfinite(dtMax)
                ? STEPS.apply(dt, dtBias, min)
                : LIMITED_STEPS.apply(dt, dtBias, min, MlxArray.scalar(dtMax, DType.FLOAT32));
    }

    private static MlxArray cut(MlxArray a, int start, int end) {
        return start == 0 && end == a.dim(1) ? a : Indexing.slice(a, 1, start, end);
    }

    /**
     * One position, of one sequence or a row of each of several.
     *
     * @param x weighted input, [1, groups, heads of a group, head dim, 1]
     * @param decay [1, groups, heads of a group, 1, 1]
     * @param b [1, groups, 1, 1, state size]
     * @param c [1, groups, state size, 1]
     * @param product of b and c in their own type, [1, groups, 1, 1, 1]
     */
    private record Step(MlxArray x, MlxArray decay, MlxArray b, MlxArray c, MlxArray product) {

        static Step of(MlxArray x, MlxArray rates, MlxArray b, MlxArray c) {
            int rows = b.dim(0);
            int groups = b.dim(2);
            int size = b.dim(3);
            MlxArray column = Indexing.reshape(c, rows, groups, size, 1);
            MlxArray product = Ops.matmul(Indexing.reshape(b, rows, groups, 1, size), column);
            return new Step(
                    Indexing.expandDims(Indexing.squeeze(x, 1), -1),
                    Indexing.reshape(Ops.exp(rates), rows, groups, x.dim(3), 1, 1),
                    Indexing.reshape(b, rows, groups, 1, 1, size),
                    Ops.astype(column, DType.FLOAT32),
                    Indexing.expandDims(product, 2));
        }

        /** What the position reads, [1, 1, groups, heads of a group, head dim]. */
        MlxArray output(MlxArray state) {
            MlxArray y = Ops.multiply(product, x);
            if (state != null) {
                MlxArray kept = Ops.matmul(Indexing.flatten(state, 2, 3), c);
                y = Ops.add(y, Ops.multiply(decay, Indexing.reshape(kept, y.shape())));
            }
            return Indexing.reshape(y, x.dim(0), 1, x.dim(1), x.dim(2), x.dim(3));
        }

        MlxArray next(MlxArray state) {
            MlxArray added = Ops.multiply(x, b);
            return state == null ? added : Ops.add(Ops.multiply(decay, state), added);
        }
    }

    /**
     * Several positions, with what they have to do with each other.
     *
     * @param x weighted inputs, [1, groups, heads of a group, length, head dim]
     * @param b [1, groups, length, state size]
     * @param c [1, groups, length, state size]
     * @param decay from each position (column) to each later one (row), [1, groups, heads of a group, length, length]
     * @param since what is kept of the state at each position, [1, groups, heads of a group, length]
     */
    private record Chunk(MlxArray x, MlxArray b, MlxArray c, MlxArray decay, MlxArray since) {

        static Chunk of(MlxArray x, MlxArray rates, MlxArray b, MlxArray c) {
            MlxArray r = Indexing.transpose(rates, 0, 2, 3, 1);
            return new Chunk(
                    Indexing.transpose(x, 0, 2, 3, 1, 4),
                    Indexing.transpose(b, 0, 2, 1, 3),
                    Indexing.transpose(c, 0, 2, 1, 3),
                    Ops.exp(Decay.sums(r)),
                    Ops.exp(Ops.cumsum(r, -1, false, true)));
        }

        /** What all positions read, [1, length, groups, heads of a group, head dim]. */
        MlxArray output(MlxArray state) {
            MlxArray products = Ops.matmul(c, Indexing.swapAxes(b, -1, -2));
            MlxArray weights = Indexing.tril(Ops.multiply(Indexing.expandDims(products, 2), decay), 0);
            MlxArray y = Indexing.transpose(Ops.matmul(weights, x), 0, 3, 1, 2, 4);
            if (state == null) {
                return y;
            }
            MlxArray seen = Ops.matmul(c, Indexing.swapAxes(Indexing.flatten(state, 2, 3), -1, -2));
            MlxArray before = Indexing.unflatten(Indexing.transpose(seen, 0, 2, 1, 3), -1, x.dim(2), x.dim(4));
            MlxArray kept = Indexing.transpose(since, 0, 3, 1, 2);
            return Ops.add(y, Ops.multiply(Indexing.expandDims(kept, -1), before));
        }

        MlxArray next(MlxArray state) {
            int length = x.dim(3);
            MlxArray last = Indexing.squeeze(Indexing.slice(decay, 3, length - 1, length), 3);
            MlxArray decayed = Ops.multiply(x, Indexing.expandDims(last, -1));
            MlxArray columns = Indexing.flatten(Indexing.swapAxes(decayed, -1, -2), 2, 3);
            MlxArray added = Indexing.unflatten(Ops.matmul(columns, b), 2, x.dim(2), x.dim(4));
            if (state == null) {
                return added;
            }
            MlxArray all = Indexing.expandDims(Indexing.slice(since, -1, length - 1, length), -1);
            return Ops.add(Ops.multiply(all, state), added);
        }
    }
}
