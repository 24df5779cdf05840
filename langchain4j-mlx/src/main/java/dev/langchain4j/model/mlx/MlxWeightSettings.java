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
    MlxCluster cluster;

    MlxWeightSettings() {}

    /**
     * Floating type of weights and computation. Default: what the files have on a GPU, single precision on the CPU, where it
     * is the fastest. Quantized weights follow {@link #quantizedWeights}; their scales are converted.
     */
    public B dtype(DType type) {
        this.dtype = type;
        return self();
    }

    /**
     * Splits the model over several processes, each of which loads its share: this one, which must be rank 0, is used like
     * any other model, and the others call {@link MlxModel.Builder#serve} with the same model and settings. For models that
     * do not fit one machine; see docs/distributed.md for the architectures. Without {@link MlxModel.Builder#adapter}, images,
     * heads that draft, and a prompt cache on disk. Default: null, one process has all of it.
     */
    public B distributed(MlxCluster ranks) {
        this.cluster = ranks;
        return self();
    }

    /** What becomes of quantized weights. Default: {@link QuantizedWeights#AUTO}. */
    public B quantizedWeights(QuantizedWeights weights) {
        this.quantizedWeights = weights == null ? QuantizedWeights.AUTO : weights;
        return self();
    }
}
