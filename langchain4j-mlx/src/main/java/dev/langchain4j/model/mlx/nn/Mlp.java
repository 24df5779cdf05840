package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.Weights;

/** The gated feed-forward layer: down(silu(gate(x)) * up(x)). */
public record Mlp(Linear gate, Linear up, Linear down) {

    /** The layer of this name with its gate_proj, up_proj and down_proj. */
    public static Mlp load(Weights weights, String name, int dimension, int inner, boolean bias) {
        return new Mlp(
                Linear.load(weights, name + ".gate_proj", dimension, inner, bias),
                Linear.load(weights, name + ".up_proj", dimension, inner, bias),
                Linear.load(weights, name + ".down_proj", inner, dimension, bias));
    }

    /** Applies the layer; the shape stays. */
    public MlxArray apply(MlxArray x) {
        return down.apply(Ops.multiply(Ops.silu(gate.apply(x)), up.apply(x)));
    }
}
