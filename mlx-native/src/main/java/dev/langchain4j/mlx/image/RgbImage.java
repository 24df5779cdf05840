package dev.langchain4j.mlx.image;

/**
 * A picture of 8 bits a channel.
 *
 * @param height in pixels, positive
 * @param width in pixels, positive
 * @param rgb height x width x 3 bytes, row-major; not copied, and not to be changed
 */
public record RgbImage(int height, int width, byte[] rgb) {

    /**
     * Checks the sizes.
     *
     * @throws IllegalArgumentException if they do not fit together
     */
    public RgbImage {
        if (height <= 0 || width <= 0 || 3L * height * width != rgb.length) {
            throw new IllegalArgumentException("rgb (" + rgb.length + " bytes) must have 3 for each pixel of a height ("
                    + height + ") and a width (" + width + ") that are positive");
        }
    }
}
