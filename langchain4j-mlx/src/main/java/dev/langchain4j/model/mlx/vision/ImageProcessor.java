package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.RgbImage;

/**
 * What a family of models makes of pictures before its tower sees them, and of the place in the prompt where they are.
 * Equal to the family's processor in transformers. Safe for use by many threads.
 */
public interface ImageProcessor {

    /**
     * Resizes, scales and cuts a picture.
     *
     * @throws InvalidRequestException if the model cannot take a picture of this size; the message, a clause about
     *     "it", has the rule
     */
    ProcessedImage process(RgbImage image, ImageBudget budget);

    /** What the chat template writes for a picture. */
    String placeholder();

    /** What takes the place of {@link #placeholder()} before the prompt is tokenized. */
    String expansion(ProcessedImage image);

    /** The token that {@link #expansion} has at each position that receives features. */
    int imageToken();
}
