package dev.langchain4j.model.mlx.hub;

import java.nio.file.Path;

/**
 * The location of a model.
 *
 * @param name the repository id as it was asked for, or the folder's name
 * @param folder has config.json, tokenizer and safetensors
 */
public record LocatedModel(String name, Path folder) {

    /** A folder, which lends the model its name. */
    public static LocatedModel of(Path folder) {
        Path absolute = folder.toAbsolutePath().normalize();
        return new LocatedModel(String.valueOf(absolute.getFileName()), absolute);
    }
}
