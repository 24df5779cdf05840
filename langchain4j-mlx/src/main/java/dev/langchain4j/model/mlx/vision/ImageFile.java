package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.ImageDecoder;
import dev.langchain4j.mlx.image.ImageLimits;

/**
 * The file of a picture, not decoded yet.
 *
 * @param name for messages, such as {@code image 2 (file:/photos/cat.png)}
 * @param bytes of the file; not copied, and not to be changed
 */
public record ImageFile(String name, byte[] bytes) {
    /** Of a picture; more than any model is made for. */
    private static final int TOKENS_MAX = 1 << 17;

    /**
     * Decodes the picture and prepares it for a model.
     *
     * @throws InvalidRequestException if it cannot be decoded, is larger than a limit, or the model does not take its
     *     size; the message names it
     */
    public ProcessedImage process(ImageProcessor processor, ImageBudget budget, ImageLimits limits) {
        try {
            ProcessedImage image = processor.process(ImageDecoder.decode(bytes, limits), budget);
            if (image.tokens() > TOKENS_MAX) {
                throw new InvalidRequestException(
                        "it would take " + image.tokens() + " tokens, but must take at most " + TOKENS_MAX);
            }
            return image;
        } catch (IllegalArgumentException | InvalidRequestException e) {
            throw refused(name, e.getMessage(), e);
        }
    }

    static InvalidRequestException refused(String name, String reason, Throwable cause) {
        return new InvalidRequestException(name + ": " + reason, cause);
    }
}
