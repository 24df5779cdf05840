package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import java.nio.file.Path;
import java.util.function.Supplier;

/** Opens and uses what every kind of model needs, with LangChain4j's exceptions. */
final class NativeParts {
    private NativeParts() {}

    static MlxThread startThread(String name) {
        try {
            return MlxThread.start(name);
        } catch (MlxException e) {
            throw new ModelNotFoundException(e.getMessage(), e);
        }
    }

    static Tokenizer loadTokenizer(Path folder) {
        try {
            return TokenizerFiles.open(folder);
        } catch (MlxException e) {
            throw new InvalidRequestException(
                    "cannot load " + folder.resolve("tokenizer.json") + ": " + e.getMessage(), e);
        }
    }

    /** The type to compute with: the wanted one, else single precision on the CPU, else null for what the files have. */
    static DType type(DType wanted, MlxThread thread) {
        return wanted == null && thread.device() == Device.CPU ? DType.FLOAT32 : wanted;
    }

    /** Waits for what is computed on a model's thread. */
    static <T> T compute(String modelName, Supplier<T> computation) {
        try {
            return computation.get();
        } catch (MlxException e) {
            throw new InternalServerException("MLX failed: " + e.getMessage(), e);
        } catch (IllegalStateException e) {
            throw new InternalServerException(
                    "the model " + modelName + " is closed, or its caller was interrupted", e);
        }
    }
}
