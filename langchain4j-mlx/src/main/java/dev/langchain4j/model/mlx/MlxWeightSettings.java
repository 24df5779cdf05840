package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.DType;

/**
 * The settings of {@link MlxModel.Builder} for the form of weights.
 *
 * @param <B> the builder itself
 */
public abstract class MlxWeightSettings<B extends MlxWeightSettings<B>> extends MlxKvSettings<B> {
    DType dtype;
    QuantizedWeights quantizedWeights = QuantizedWeights.AUTO;

    MlxWeightSettings() {}

    /**
     * Floating type of weights and computation. Default: what the files have on a GPU, single precision on the CPU, where it
     * is the fastest. Quantized weights follow {@link #quantizedWeights}; their scales are converted.
     */
    public B dtype(DType type) {
        this.dtype = type;
        return self();
    }

    /** What becomes of quantized weights. Default: {@link QuantizedWeights#AUTO}. */
    public B quantizedWeights(QuantizedWeights weights) {
        this.quantizedWeights = weights == null ? QuantizedWeights.AUTO : weights;
        return self();
    }
}
