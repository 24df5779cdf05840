package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.Weights;

/** x / rms(x) * weight, over the last dimension; the weight may be null. */
public record RmsNorm(MlxArray weight, float eps) implements Norm {

    /** The norm of this name. */
    public static RmsNorm load(Weights weights, String name, int dimension, double eps) {
        return new RmsNorm(weights.get(name + ".weight", dimension), (float) eps);
    }

    /** The norm of this name, which is stored as its distance from one (Gemma). */
    public static RmsNorm loadFromOne(Weights weights, String name, int dimension, double eps) {
        MlxArray weight = Ops.add(weights.get(name + ".weight", dimension), 1);
        return new RmsNorm(weights.adopt(weight), (float) eps);
    }

    @Override
    public MlxArray apply(MlxArray x) {
        return Fast.rmsNorm(x, weight, eps);
    }
}
