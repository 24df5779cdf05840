package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * The gated feed-forward layer: down(gating(gate(x), up(x))).
 *
 * @param gateUp gate and values of the layer's input
 */
public record Mlp(Projections gateUp, Linear down, Gating gating) implements FeedForward {

    /** The layer of this name with its gate_proj, up_proj and down_proj. */
    public static Mlp load(Weights weights, String name, int dimension, int inner, boolean bias, Gating gating) {
        Part share = share(weights, name + ".down_proj", inner);
        List<String> names = List.of(name + ".gate_proj", name + ".up_proj");
        return new Mlp(
                Projections.load(weights, dimension, bias, names, share, share),
                Linear.loadColumns(weights, name + ".down_proj", share, dimension, bias),
                gating);
    }

    /**
     * The inner dimensions that a rank has: whole groups where those that go into the layer of this name are quantized.
     */
    static Part share(Weights weights, String down, int inner) {
        if (weights.shard().isWhole()) {
            return Part.all(inner);
        }
        Format format = weights.format(down, inner);
        return weights.shard().of(inner, format == null ? 1 : format.groupSize());
    }

    /** The layer with silu and without biases. */
    public static Mlp load(Weights weights, String name, int dimension, int inner) {
        return load(weights, name, dimension, inner, false, Gating.SILU);
    }

    /** The layer of this name whose gate and values come out of one gate_up_proj, gate first. */
    public static FeedForward loadFused(Weights weights, String name, int dimension, int inner) {
        Part share = share(weights, name + ".down_proj", inner);
        return fused(
                Linear.loadRows(weights, name + ".gate_up_proj", dimension, share.and(share), false),
                Linear.loadColumns(weights, name + ".down_proj", share, dimension, false));
    }

    /** The layer whose gate and values come out of one matrix, gate first. */
    public static FeedForward fused(Linear gateUp, Linear down) {
        return new Mlp(x -> Indexing.split(gateUp.apply(x), 2, -1), down, Gating.SILU);
    }

    /** A layer without a gate: down(activation(up(x))), from two linear layers of these names. */
    public static FeedForward loadUngated(
            Weights w,
            String up,
            String down,
            int dimension,
            int inner,
            boolean bias,
            UnaryOperator<MlxArray> activation) {
        Part share = share(w, down, inner);
        Linear first = Linear.loadRows(w, up, dimension, share, bias);
        Linear second = Linear.loadColumns(w, down, share, dimension, bias);
        return x -> second.apply(activation.apply(first.apply(x)));
    }

    @Override
    public MlxArray apply(MlxArray x) {
        return down.apply(gated(x));
    }

    @Override
    public MlxArray partial(MlxArray x) {
        Linear part = down.unsummed();
        return part == null ? null : part.apply(gated(x));
    }

    private MlxArray gated(MlxArray x) {
        MlxArray[] parts = gateUp.of(x);
        return gating.apply(parts[0], parts[1]);
    }
}
