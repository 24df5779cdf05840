package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.Resampler;
import dev.langchain4j.mlx.image.RgbImage;

/**
 * Pictures of Pixtral and Mistral 3: shrunk to a longest edge, the ratio of the sides kept, then stretched to whole
 * blocks of merged patches. A token is a block, and each row of them has one more for its end.
 *
 * @param block side of a token, in pixels
 */
record PixtralImages(
        int block,
        int edgeHeight,
        int edgeWidth,
        Resampler resampler,
        PixelScale scale,
        String token,
        String rowEnd,
        String end,
        int imageToken)
        implements ImageProcessor {

    static PixtralImages of(ProcessorFiles files) {
        int patch = files.processor().count("patch_size", files.vision().count("patch_size", 16));
        int merge = files.processor().count("spatial_merge_size", files.config().count("spatial_merge_size", 1));
        int longest = files.side("size", "longest_edge", 0);
        return new PixtralImages(
                files.block(patch, merge),
                longest > 0 ? longest : files.side("size", "height", 1024),
                longest > 0 ? longest : files.side("size", "width", 1024),
                files.resampler(Resampler.BICUBIC),
                PixelScale.of(files.image(), PixelScale.CLIP),
                files.processor().text("image_token", "[IMG]"),
                files.processor().text("image_break_token", "[IMG_BREAK]"),
                files.processor().text("image_end_token", "[IMG_END]"),
                files.imageToken(10));
    }

    @Override
    public ProcessedImage process(RgbImage image, ImageBudget budget) {
        int height = image.height();
        int width = image.width();
        double ratio = Math.max((double) height / edgeHeight, (double) width / edgeWidth);
        if (ratio > 1) {
            height = (int) Math.floor(height / ratio);
            width = (int) Math.floor(width / ratio);
        }
        int rows = Math.floorDiv(height - 1, block) + 1;
        int columns = Math.floorDiv(width - 1, block) + 1;
        if (rows == 0 || columns == 0) {
            throw new InvalidRequestException("it is " + image.width() + " x " + image.height()
                    + " pixels, of which nothing is left when its longest edge fits into " + edgeWidth + " x "
                    + edgeHeight);
        }
        return new ProcessedImage(
                scale.planes(PixelScale.resized(image, rows * block, columns * block, resampler)),
                new int[] {3, rows * block, columns * block},
                new int[0],
                rows * block,
                columns * block,
                rows * columns,
                "pixtral " + block + " " + edgeHeight + " " + edgeWidth + " " + resampler + " " + scale.settings());
    }

    @Override
    public String placeholder() {
        return token;
    }

    @Override
    public String expansion(ProcessedImage image) {
        String row = token.repeat(image.width() / block);
        int rows = image.height() / block;
        return (row + rowEnd).repeat(rows - 1) + row + end;
    }
}
