package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.Resampler;
import dev.langchain4j.mlx.image.RgbImage;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.util.Arrays;

/**
 * From levels of 0 to 255 to numbers: (level x factor - mean) / standard deviation, in float32, by channel.
 *
 * @param tables for red, green and blue, the number of each level
 * @param settings what the tables are made of
 */
record PixelScale(float[][] tables, String settings) {
    /** Mean and standard deviation of the pictures that CLIP was trained with. */
    static final Norm CLIP = new Norm(
            new double[] {0.48145466, 0.4578275, 0.40821073}, new double[] {0.26862954, 0.26130258, 0.27577711});

    /** From -1 to 1. */
    static final Norm HALVES = new Norm(new double[] {0.5, 0.5, 0.5}, new double[] {0.5, 0.5, 0.5});

    /** None. */
    static final Norm NONE = null;

    private static final int LEVELS = 256;
    private static final int CHANNELS = 3;
    private static final int NUMBERS_MAX = 1 << 26;

    /** Mean and standard deviation by channel. */
    record Norm(double[] mean, double[] deviation) {}

    /** As an image processor's settings say, with the family's norm where they say nothing; {@link #NONE} for none. */
    static PixelScale of(ModelConfig image, Norm otherwise) {
        boolean rescales = image.flag("do_rescale", true);
        boolean normalizes = image.flag("do_normalize", otherwise != NONE);
        float factor = rescales ? (float) image.number("rescale_factor", 1 / 255.0) : 1;
        double[] mean = channels(image, "image_mean", otherwise == NONE ? new double[] {0} : otherwise.mean);
        double[] deviation = channels(image, "image_std", otherwise == NONE ? new double[] {1} : otherwise.deviation);
        float[][] tables = new float[CHANNELS][LEVELS];
        for (int c = 0; c < CHANNELS; c++) {
            for (int level = 0; level < LEVELS; level++) {
                float scaled = level * factor;
                tables[c][level] = normalizes ? (scaled - (float) mean[c]) / (float) deviation[c] : scaled;
            }
        }
        String norm = normalizes ? Arrays.toString(mean) + Arrays.toString(deviation) : "none";
        return new PixelScale(tables, factor + " " + norm);
    }

    private static double[] channels(ModelConfig image, String name, double[] otherwise) {
        double[] values = image.has(name) ? image.numbers(name) : otherwise;
        if (values.length == 1) {
            return new double[] {values[0], values[0], values[0]};
        }
        if (values.length != CHANNELS) {
            throw image.invalid(name, Arrays.toString(values), "must have a number for each of 3 channels");
        }
        return values;
    }

    /** The numbers of a picture, [3, height, width]. */
    float[] planes(RgbImage image) {
        float[] planes = new float[CHANNELS * image.height() * image.width()];
        planes(image, 0, 0, image.height(), image.width(), planes, 0);
        return planes;
    }

    /** The numbers of a part of a picture, [3, height, width], into an array from a place on. */
    void planes(RgbImage image, int top, int left, int height, int width, float[] to, int start) {
        byte[] rgb = image.rgb();
        int out = start;
        for (int c = 0; c < CHANNELS; c++) {
            float[] table = tables[c];
            for (int y = top; y < top + height; y++) {
                int in = CHANNELS * (y * image.width() + left) + c;
                for (int x = 0; x < width; x++, in += CHANNELS) {
                    to[out++] = table[rgb[in] & 0xff];
                }
            }
        }
    }

    /** The picture in another size; refuses one that is out of all proportion. */
    static RgbImage resized(RgbImage image, int height, int width, Resampler resampler) {
        if ((long) CHANNELS * height * width > NUMBERS_MAX) {
            throw new InvalidRequestException("it would be " + width + " x " + height
                    + " pixels when it is resized, but at most " + NUMBERS_MAX / CHANNELS + " are processed");
        }
        return resampler.resize(image, height, width);
    }
}
