package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.Resampler;
import dev.langchain4j.mlx.image.RgbImage;

/**
 * Pictures of Qwen 2.5 VL, 3 VL and 3.5: sides are rounded to whole blocks of merged patches, within a smallest and a
 * largest area. The numbers are patches in the order of the blocks; a token is a block.
 *
 * @param areaMin of the resized picture, in pixels
 * @param areaMax of the resized picture, in pixels
 */
record QwenImages(
        int patch,
        int merge,
        long areaMin,
        long areaMax,
        Resampler resampler,
        PixelScale scale,
        String text,
        int imageToken)
        implements ImageProcessor {
    private static final int RATIO_MAX = 200;

    static QwenImages of(ProcessorFiles files, int imageToken) {
        int patch = files.image().count("patch_size", files.vision().count("patch_size", 14));
        int merge = files.image().count("merge_size", files.vision().count("spatial_merge_size", 2));
        files.block(patch, merge);
        long areaMin = files.image().count("min_pixels", files.side("size", "shortest_edge", 56 * 56));
        long areaMax = files.image().count("max_pixels", files.side("size", "longest_edge", 28 * 28 * 1280));
        return new QwenImages(
                patch,
                merge,
                areaMin,
                areaMax,
                files.resampler(Resampler.BICUBIC),
                PixelScale.of(files.image(), PixelScale.CLIP),
                files.token("image_token", "<|image_pad|>"),
                files.imageToken(imageToken));
    }

    @Override
    public ProcessedImage process(RgbImage image, ImageBudget budget) {
        long areaMax = areaMax(budget);
        int[] size = size(image.height(), image.width(), areaMax);
        RgbImage resized = PixelScale.resized(image, size[0], size[1], resampler);
        int rows = size[0] / patch;
        int columns = size[1] / patch;
        return new ProcessedImage(
                patches(resized),
                new int[] {rows * columns, 3, patch, patch},
                new int[] {1, rows, columns},
                size[0],
                size[1],
                rows * columns / (merge * merge),
                "qwen " + patch + " " + merge + " " + areaMin + " " + areaMax + " " + resampler + " "
                        + scale.settings());
    }

    private long areaMax(ImageBudget budget) {
        long token = (long) patch * merge * patch * merge;
        return switch (budget) {
            case AUTO, ULTRA_HIGH -> areaMax;
            case LOW -> Math.min(areaMax, Math.max(areaMin, 256 * token));
            case MEDIUM -> Math.min(areaMax, Math.max(areaMin, 1024 * token));
            case HIGH -> Math.min(areaMax, Math.max(areaMin, 4096 * token));
        };
    }

    /** Height and width that are whole blocks. */
    private int[] size(int height, int width, long areaMax) {
        double ratio = (double) Math.max(height, width) / Math.min(height, width);
        if (ratio > RATIO_MAX) {
            throw new InvalidRequestException("it is " + width + " x " + height
                    + " pixels, but one side must be at most " + RATIO_MAX + " times the other");
        }
        int block = patch * merge;
        double area = (double) height * width;
        double blocksHigh = Math.rint((double) height / block);
        double blocksWide = Math.rint((double) width / block);
        if (blocksHigh * block * blocksWide * block > areaMax) {
            double shrink = Math.sqrt(area / areaMax);
            blocksHigh = Math.max(1, Math.floor(height / shrink / block));
            blocksWide = Math.max(1, Math.floor(width / shrink / block));
        } else if (blocksHigh * block * blocksWide * block < areaMin) {
            double grow = Math.sqrt(areaMin / area);
            blocksHigh = Math.ceil(height * grow / block);
            blocksWide = Math.ceil(width * grow / block);
        }
        return new int[] {(int) blocksHigh * block, (int) blocksWide * block};
    }

    /** [patches, 3, patch, patch], block by block, and row by row in a block. */
    private float[] patches(RgbImage image) {
        float[] patches = new float[3 * image.height() * image.width()];
        int block = patch * merge;
        int out = 0;
        for (int top = 0; top < image.height(); top += block) {
            for (int left = 0; left < image.width(); left += block) {
                for (int y = top; y < top + block; y += patch) {
                    for (int x = left; x < left + block; x += patch, out += 3 * patch * patch) {
                        scale.planes(image, y, x, patch, patch, patches, out);
                    }
                }
            }
        }
        return patches;
    }

    @Override
    public String placeholder() {
        return text;
    }

    @Override
    public String expansion(ProcessedImage image) {
        return text.repeat(image.tokens());
    }
}
