package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.Weights;

/** (x - mean(x)) / deviation(x) * weight + bias, over the last dimension; the bias may be null. */
public record LayerNorm(MlxArray weight, MlxArray bias, float eps) implements Norm {

    /** The norm of this name. */
    public static LayerNorm load(Weights weights, String name, int dimension, double eps, boolean bias) {
        MlxArray b = bias ? weights.get(name + ".bias", dimension) : null;
        return new LayerNorm(weights.get(name + ".weight", dimension), b, (float) eps);
    }

    /** The norm of this name with a bias, whose weight is stored as its distance from one (Nemotron). */
    public static LayerNorm loadFromOne(Weights weights, String name, int dimension, double eps) {
        MlxArray weight = weights.adopt(Ops.add(weights.get(name + ".weight", dimension), 1));
        return new LayerNorm(weight, weights.get(name + ".bias", dimension), (float) eps);
    }

    /** Norms of heads, [batch, heads, length, dim], with weights of its own for each head: [heads, dim]. */
    public static Norm ofHeads(Weights weights, MlxArray each, double eps) {
        MlxArray weight = weights.adopt(Indexing.expandDims(each, 1));
        return x -> Ops.multiply(weight, Fast.layerNorm(x, null, null, (float) eps));
    }

    @Override
    public MlxArray apply(MlxArray x) {
        return Fast.layerNorm(x, weight, bias, eps);
    }
}
