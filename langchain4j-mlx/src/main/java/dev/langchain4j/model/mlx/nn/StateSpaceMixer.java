package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.RecurrentCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;

/**
 * The mixer of Mamba 2: a projection, a short convolution, the state space, a gate and a projection back.
 *
 * @param kernelBias null for none
 * @param gating puts the gate and what the state space gives together, with a norm where there is one
 */
public record StateSpaceMixer(
        Linear in, MlxArray kernel, MlxArray kernelBias, StateSpace space, Gating gating, Linear out, Shape shape)
        implements Decoder.Layer {

    /** Lengths of the parts of a mixer. */
    public record Shape(int hidden, int heads, int headDim, int groups, int stateSize, int width) {

        /** What config.json has under these names. */
        public static Shape of(
                ModelConfig c, String heads, String headDim, String groups, String stateSize, String width) {
            Shape s = new Shape(
                    c.count("hidden_size"),
                    c.count(heads),
                    c.count(headDim),
                    c.count(groups),
                    c.count(stateSize),
                    c.count(width));
            if (s.heads % s.groups != 0) {
                throw c.invalid(groups, s.groups, "must divide " + heads + " (" + s.heads + ")");
            }
            if (s.width < 2) {
                throw c.invalid(width, s.width, "must be at least 2");
            }
            return s;
        }

        /** Length of what goes through the state space. */
        public int inner() {
            return heads * headDim;
        }

        private int channels() {
            return inner() + 2 * groups * stateSize;
        }
    }

    /**
     * Which projections have a bias.
     *
     * @param kernel whether the convolution has one
     */
    public record Biases(boolean in, boolean kernel, boolean out) {}

    /** The mixer of this name. */
    public static StateSpaceMixer load(ModelConfig c, Weights w, String name, Shape s, Biases biases, Gating gating) {
        double[] limits =
                c.has("time_step_limit") ? c.numbers("time_step_limit") : new double[] {0, Double.POSITIVE_INFINITY};
        if (limits.length != 2) {
            throw c.invalid("time_step_limit", c.json().get("time_step_limit"), "must be two numbers");
        }
        return new StateSpaceMixer(
                Linear.load(w, name + ".in_proj", s.hidden, s.inner() + s.channels() + s.heads, biases.in),
                w.get(name + ".conv1d.weight", s.channels(), s.width, 1),
                biases.kernel ? w.get(name + ".conv1d.bias", s.channels()) : null,
                StateSpace.load(w, name, s.heads, limits[0], limits[1]),
                gating,
                Linear.load(w, name + ".out_proj", s.inner(), s.hidden, biases.out),
                s);
    }

    /** A gate before the norm of this name, which is over all heads. */
    public static Gating gatedNorm(Weights w, String name, Shape s, double eps) {
        RmsNorm norm = RmsNorm.load(w, name, s.inner(), eps);
        return (gate, y) -> norm.apply(Gating.SILU.apply(gate, y));
    }

    /** A gate before the norm of this name, which is over the heads of each group. */
    public static Gating gatedGroupNorm(Weights w, String name, Shape s, double eps) {
        RmsNorm norm = RmsNorm.load(w, name, s.inner(), eps);
        return (gate, y) -> {
            MlxArray groups = Indexing.unflatten(Gating.SILU.apply(gate, y), -1, s.groups, s.inner() / s.groups);
            MlxArray normed = Fast.rmsNorm(groups, null, norm.eps());
            return Ops.multiply(norm.weight(), Indexing.flatten(normed, -2, -1));
        };
    }

    @Override
    public MlxArray apply(MlxArray x, Spans spans, int layer) {
        int inner = shape.inner();
        MlxArray[] parts = Indexing.splitAt(in.apply(x), -1, inner, inner + shape.channels());
        MlxArray y = spans.each(layer, span -> {
            RecurrentCache state = (RecurrentCache) span.cache();
            MlxArray[] xbc = Indexing.splitAt(
                    convolved(state, span.tokens(parts[1]), span.length()),
                    -1,
                    inner,
                    inner + shape.groups * shape.stateSize);
            StateSpace.Result result = space.run(
                    Indexing.unflatten(xbc[0], -1, shape.heads, shape.headDim),
                    Indexing.unflatten(xbc[1], -1, shape.groups, shape.stateSize),
                    Indexing.unflatten(xbc[2], -1, shape.groups, shape.stateSize),
                    span.tokens(parts[2]),
                    state.matrix(),
                    span.length(),
                    state.wantsEach());
            state.setMatrix(result.states());
            return Indexing.flatten(result.output(), 2, 3);
        });
        return out.apply(gating.apply(parts[0], y));
    }

    private MlxArray convolved(RecurrentCache state, MlxArray inputs, int length) {
        MlxArray all = state.convolution().update(inputs, length);
        MlxArray y = Ops.conv1d(all, kernel, 1, 0, kernel.dim(0));
        return Ops.silu(kernelBias == null ? y : Ops.add(y, kernelBias));
    }

    @Override
    public LayerCache newCache() {
        return new RecurrentCache(shape.width);
    }
}
