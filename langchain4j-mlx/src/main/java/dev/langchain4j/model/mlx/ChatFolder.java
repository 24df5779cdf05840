package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.embed.TextEmbedder;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import java.nio.file.Path;

/** Says what a folder is before anything of it is loaded, so that whoever took the wrong one hears what it is for. */
final class ChatFolder {
    private ChatFolder() {}

    /**
     * The config.json of a folder whose model writes.
     *
     * @throws dev.langchain4j.exception.ModelNotFoundException if it has no config.json or no weights
     * @throws InvalidRequestException if its model does not write, or nobody knows it
     */
    static ModelConfig config(Path folder) {
        ModelConfig config = ModelFolder.configWithWeights(folder);
        if (TextEmbedder.isEncoder(config)) {
            throw config.invalid(
                    "model_type", config.modelType(), "is an encoder, which generates no text: use MlxEmbeddingModel");
        }
        ModelRegistry.check(config);
        return config;
    }
}
