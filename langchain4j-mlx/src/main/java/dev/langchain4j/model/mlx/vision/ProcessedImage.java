package dev.langchain4j.model.mlx.vision;

/**
 * A picture as a {@link VisionTower} takes it.
 *
 * @param pixels the numbers, row-major; not copied, and not to be changed
 * @param shape of the pixels: [patches, channels, patch height, patch width], [channels, height, width] or
 *     [tiles, channels, height, width], as the family has it
 * @param grid patches by time, height and width (Qwen); rows and columns of tiles (SmolVLM); otherwise empty
 * @param height of the resized picture
 * @param width of the resized picture
 * @param tokens number of tokens that receive features
 * @param settings what else determines the pixels, for a key of caches
 */
public record ProcessedImage(
        float[] pixels, int[] shape, int[] grid, int height, int width, int tokens, String settings) {}
