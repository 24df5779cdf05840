package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.DType;
import java.nio.file.Path;

/**
 * The settings of {@link MlxModel.Builder} for the form of weights.
 *
 * @param <B> the builder itself
 */
public abstract class MlxWeightSettings<B extends MlxWeightSettings<B>> extends MlxKvSettings<B> {
    DType dtype;
    QuantizedWeights quantizedWeights = QuantizedWeights.AUTO;
    Path adapter;
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
     * Folder of an adapter that was trained for this model: by mlx-lm (adapter_config.json and adapters.safetensors,
     * of fine_tune_type lora, dora or full), or by Hugging Face's PEFT (adapter_config.json and
     * adapter_model.safetensors, LoRA or DoRA). Default: none.
     */
    public B adapter(Path folder) {
        this.adapter = folder;
        return self();
    }

    /**
     * Splits the model over several processes, each of which loads its share: this one, which must be rank 0, is used like
     * any other model, and the others call {@link MlxModel.Builder#serve} with the same model and settings. For models that
     * do not fit one machine; see docs/distributed.md for the architectures. Without {@link #adapter}, images,
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
