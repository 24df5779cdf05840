package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.Resampler;
import dev.langchain4j.mlx.image.RgbImage;

/**
 * Pictures of Gemma 4: as large as a budget of tokens allows, the ratio of the sides kept; a token is a block of pooled
 * patches.
 *
 * @param tokens the folder's budget
 */
record Gemma4Images(
        int patch,
        int pool,
        int tokens,
        Resampler resampler,
        PixelScale scale,
        String begin,
        String soft,
        String end,
        int imageToken)
        implements ImageProcessor {
    /** The largest budget that the family was trained with. */
    private static final int TOKENS_MAX = 1120;

    static Gemma4Images of(ProcessorFiles files) {
        int patch = files.image().count("patch_size", files.vision().count("patch_size", 16));
        int pool = files.image().count("pooling_kernel_size", files.vision().count("pooling_kernel_size", 3));
        return new Gemma4Images(
                files.block(patch, pool) / pool,
                pool,
                files.image().count("max_soft_tokens", files.config().count("vision_soft_tokens_per_image", 280)),
                files.resampler(Resampler.BICUBIC),
                PixelScale.of(files.image(), PixelScale.NONE),
                files.token("boi_token", "<|image>"),
                files.token("image_token", "<|image|>"),
                files.token("eoi_token", "<image|>"),
                files.imageToken(258_880));
    }

    @Override
    public ProcessedImage process(RgbImage image, ImageBudget budget) {
        int[] blocks = blocks(image.height(), image.width(), tokens(budget));
        int height = blocks[0] * patch * pool;
        int width = blocks[1] * patch * pool;
        return new ProcessedImage(
                scale.planes(PixelScale.resized(image, height, width, resampler)),
                new int[] {3, height, width},
                new int[0],
                height,
                width,
                blocks[0] * blocks[1],
                "gemma4 " + patch + " " + pool + " " + tokens(budget) + " " + resampler + " " + scale.settings());
    }

    private int tokens(ImageBudget budget) {
        return switch (budget) {
            case AUTO, MEDIUM -> tokens;
            case LOW -> Math.max(1, tokens / 4);
            case HIGH -> Math.max(tokens, Math.min(TOKENS_MAX, 2 * tokens));
            case ULTRA_HIGH -> Math.max(tokens, Math.min(TOKENS_MAX, 4 * tokens));
        };
    }

    /** Blocks of the height and of the width. */
    private int[] blocks(int height, int width, int tokens) {
        int block = patch * pool;
        double area = (double) tokens * pool * pool * patch * patch;
        double factor = Math.sqrt(area / ((double) height * width));
        int high = (int) Math.floor(factor * height / block);
        int wide = (int) Math.floor(factor * width / block);
        if (high == 0 && wide == 0) {
            throw new InvalidRequestException("it is " + width + " x " + height + " pixels, of which a budget of "
                    + tokens + " tokens leaves nothing");
        }
        if (high == 0) {
            return new int[] {1, Math.min(width / height, tokens)};
        }
        return wide == 0 ? new int[] {Math.min(height / width, tokens), 1} : new int[] {high, wide};
    }

    @Override
    public String placeholder() {
        return soft;
    }

    @Override
    public String expansion(ProcessedImage image) {
        return begin + soft.repeat(image.tokens()) + end;
    }
}
