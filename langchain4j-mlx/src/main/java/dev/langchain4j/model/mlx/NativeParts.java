package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens what every kind of model needs, with LangChain4j's exceptions. */
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
        Path file = folder.resolve("tokenizer.json");
        if (!Files.isRegularFile(file)) {
            throw new ModelNotFoundException("the model folder " + folder + " has no tokenizer.json");
        }
        try {
            return Tokenizer.fromFile(file);
        } catch (MlxException e) {
            throw new InvalidRequestException("cannot load " + file + ": " + e.getMessage(), e);
        }
    }
}
