package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.mlx.image.Resampler;
import dev.langchain4j.mlx.image.RgbImage;

/**
 * Pictures of Gemma 3: squashed to one square, always the same number of tokens. The newlines around them are text,
 * which the tokenizer may merge with what stands beside.
 */
record Gemma3Images(
        int height,
        int width,
        int tokens,
        Resampler resampler,
        PixelScale scale,
        String begin,
        String soft,
        String end,
        int imageToken)
        implements ImageProcessor {

    static Gemma3Images of(ProcessorFiles files) {
        int side = files.vision().count("image_size", 224);
        return new Gemma3Images(
                files.side("size", "height", side),
                files.side("size", "width", side),
                files.processor().count("image_seq_length", files.config().count("mm_tokens_per_image", 256)),
                files.resampler(Resampler.BILINEAR),
                PixelScale.of(files.image(), PixelScale.HALVES),
                files.token("boi_token", "<start_of_image>"),
                files.token("image_token", "<image_soft_token>"),
                files.token("eoi_token", "<end_of_image>"),
                files.imageToken(262_144));
    }

    @Override
    public ProcessedImage process(RgbImage image, ImageBudget budget) {
        return new ProcessedImage(
                scale.planes(PixelScale.resized(image, height, width, resampler)),
                new int[] {3, height, width},
                new int[0],
                height,
                width,
                tokens,
                "gemma3 " + height + " " + width + " " + resampler + " " + scale.settings());
    }

    @Override
    public String placeholder() {
        return begin;
    }

    @Override
    public String expansion(ProcessedImage image) {
        return "\n\n" + begin + soft.repeat(image.tokens()) + end + "\n\n";
    }
}
