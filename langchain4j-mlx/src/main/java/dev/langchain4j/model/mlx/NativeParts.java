package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.NativeLibraries;
import dev.langchain4j.mlx.NativeLibraryException;
import dev.langchain4j.mlx.text.Tokenizer;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.slf4j.Logger;

/** Opens and uses what every kind of model needs, with LangChain4j's exceptions. */
final class NativeParts {
    private NativeParts() {}

    /** Loads the native libraries, before a model is downloaded in vain. */
    static void loadLibraries() {
        try {
            NativeLibraries.load();
        } catch (NativeLibraryException e) {
            throw new ModelNotFoundException(e.getMessage(), e);
        }
    }

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
        } catch (NativeLibraryException e) {
            throw new ModelNotFoundException(e.getMessage(), e);
        } catch (MlxException e) {
            throw new InvalidRequestException(
                    "cannot load " + folder.resolve("tokenizer.json") + ": " + e.getMessage(), e);
        }
    }

    /**
     * The type to compute with: the wanted one, else single precision on the CPU, else null for what the files have.
     */
    static DType type(DType wanted, MlxThread thread) {
        return wanted == null && thread.device() == Device.CPU ? DType.FLOAT32 : wanted;
    }

    /** One line for those who operate the application, when a model was loaded. */
    static void logLoaded(Logger log, String name, String modelType, MlxThread thread, long weightBytes, String rest) {
        log.info(
                "loaded {}: {} on the {}, weights {} MiB; all models hold {} of {} MiB; {}",
                name,
                modelType,
                thread.device(),
                mebibytes(weightBytes),
                mebibytes(MlxMemory.activeBytes()),
                mebibytes(MlxMemory.budgetBytes()),
                rest);
    }

    static long mebibytes(long bytes) {
        return bytes >> 20;
    }

    /**
     * Waits for what is computed on a model's thread.
     *
     * @throws NonRetriableException if the model is closed, the caller is interrupted or is that thread, or the JVM
     *     ends
     */
    static <T> T compute(String modelName, MlxThread thread, Supplier<T> computation) {
        if (thread.isCurrent()) {
            throw new NonRetriableException("the model " + modelName
                    + " was called on its own thread, which cannot wait for itself: call it on another thread");
        }
        try {
            return computation.get();
        } catch (MlxException e) {
            if (MlxThread.isShuttingDown()) {
                throw new NonRetriableException("the JVM is shutting down", e);
            }
            throw new InternalServerException("MLX failed: " + e.getMessage(), e);
        } catch (IllegalStateException e) {
            if (thread.isClosed()) {
                throw new NonRetriableException("the model " + modelName + " is closed", e);
            }
            if (Thread.currentThread().isInterrupted()) {
                throw new NonRetriableException("interrupted while waiting for the model " + modelName, e);
            }
            throw e;
        }
    }
}
