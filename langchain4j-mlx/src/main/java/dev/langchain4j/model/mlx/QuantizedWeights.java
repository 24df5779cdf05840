package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import java.nio.file.Path;

/** The handling of quantized weights when a model is loaded. */
public enum QuantizedWeights {
    /**
     * {@link #EXPAND} on the CPU in single precision, if the expanded weights take no more than half of what models may
     * hold beside the weights of others ({@link MlxMemory#budgetBytes}); else {@link #KEEP}.
     */
    AUTO,

    /** They stay quantized, which takes the least memory, and the least time on a GPU. */
    KEEP,

    /**
     * Weights are dequantized to single precision, which takes about seven times the memory of 4 bits. MLX's products
     * with quantized weights are slow on the CPU; single precision decodes several times faster there. Answers are the
     * same up to rounding.
     */
    EXPAND;

    /** Whether the weights of a folder are expanded on a thread's device. */
    boolean expands(Path folder, ModelConfig config, DType type, MlxThread thread) {
        if (this == KEEP) {
            return false;
        }
        long bytes = ModelFolder.expandedBytes(folder, config, type);
        boolean sensible = thread.device() == Device.CPU
                && type == DType.FLOAT32
                && bytes <= (MlxMemory.budgetBytes() - MlxMemory.weightBytes()) / 2;
        return bytes >= 0 && (this == EXPAND || sensible);
    }

    /** What the log says of a type of weights. */
    static String describe(String modelType, DType type, boolean expanded) {
        return modelType + (type == null ? "" : " in " + type) + (expanded ? ", expanded from quantized weights" : "");
    }
}
