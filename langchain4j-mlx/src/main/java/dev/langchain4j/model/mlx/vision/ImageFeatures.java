package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.mlx.MlxArray;
import java.util.List;

/**
 * What a {@link VisionTower} makes of a picture.
 *
 * @param rows what takes the place of the embedding at each of the picture's tokens, [tokens, hidden size]
 * @param deepstack what is added to the output of the language model's first layers at the picture's tokens, a
 *     [tokens, hidden size] for each of these layers from the first on; mostly empty
 */
public record ImageFeatures(MlxArray rows, List<MlxArray> deepstack) {

    /** Keeps its own list. */
    public ImageFeatures {
        deepstack = List.copyOf(deepstack);
    }
}
