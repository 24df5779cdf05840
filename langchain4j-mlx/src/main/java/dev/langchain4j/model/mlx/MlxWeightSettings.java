package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import java.nio.file.Path;

/**
 * The settings of {@link MlxModel.Builder} for the source and the form of weights.
 *
 * @param <B> the builder itself
 */
public abstract class MlxWeightSettings<B extends MlxWeightSettings<B>> extends MlxKvSettings<B> {
    Path path;
    String modelName;
    HuggingFaceHub hub;
    DType dtype;
    QuantizedWeights quantizedWeights = QuantizedWeights.AUTO;
    Path adapter;
    MlxCluster cluster;

    MlxWeightSettings() {}

    /** Folder of the model. Either this or {@link #modelName} must be set. */
    public B modelPath(Path folder) {
        this.path = folder;
        return self();
    }

    /** Like {@link #modelPath(Path)}. */
    public B modelPath(String folder) {
        return modelPath(folder == null ? null : Path.of(folder));
    }

    /**
     * Folder of the model.
     *
     * @deprecated called {@link #modelPath(Path)}, as in the other builders
     */
    @Deprecated
    public B path(Path folder) {
        return modelPath(folder);
    }

    /** Folder of the model if it exists, else a Hugging Face repository id; see {@link MlxModel#load(String)}. */
    public B modelName(String folderOrRepositoryId) {
        this.modelName = folderOrRepositoryId;
        return self();
    }

    /** How {@link #modelName} is found and downloaded. Default: as huggingface_hub's environment variables say. */
    public B hub(HuggingFaceHub huggingFaceHub) {
        this.hub = huggingFaceHub;
        return self();
    }

    /**
     * Floating type of weights and computation. Default: what the files have on a GPU, single precision on the CPU,
     * where it is the fastest. Quantized weights follow {@link #quantizedWeights}; their scales are converted.
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
     * Splits the model over several processes, each of which loads its share: this one, which must be rank 0, is used
     * like any other model, and the others call {@link MlxModel.Builder#serve} with the same model and settings. For
     * models that do not fit one machine; see docs/distributed.md for the architectures. Without images and heads that
     * draft. If a rank is lost, the model may be closed and built again. Default: null, one process has all of it.
     */
    public B distributed(MlxCluster ranks) {
        this.cluster = ranks;
        return self();
    }

    /** The handling of quantized weights. Default: {@link QuantizedWeights#AUTO}. */
    public B quantizedWeights(QuantizedWeights weights) {
        this.quantizedWeights = weights == null ? QuantizedWeights.AUTO : weights;
        return self();
    }
}
