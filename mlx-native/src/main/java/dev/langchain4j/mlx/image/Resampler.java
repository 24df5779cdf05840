package dev.langchain4j.mlx.image;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * Resizes pictures to the byte as Pillow 13 does: a filter that widens when a picture shrinks, weights of 22 bits
 * behind the point, and two passes with 8 bits between them: rows first where many more rows than columns go, otherwise
 * columns first, as always before Pillow 13. Safe for use by many threads.
 */
public enum Resampler {
    /** Support 0.5. */
    BOX(4, 0.5, x -> x > -0.5 && x <= 0.5 ? 1 : 0),
    /** Support 1. */
    BILINEAR(2, 1, x -> Math.max(0, 1 - Math.abs(x))),
    /** Support 1. */
    HAMMING(5, 1, Resampler::hamming),
    /** Support 2, a = -0.5. */
    BICUBIC(3, 2, Resampler::bicubic),
    /** Support 3. */
    LANCZOS(1, 3, x -> x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0);

    private static final int PRECISION_BITS = 22;
    private static final int HALF = 1 << (PRECISION_BITS - 1);

    private final int code;
    private final double support;
    private final DoubleUnaryOperator filter;

    Resampler(int code, double support, DoubleUnaryOperator filter) {
        this.code = code;
        this.support = support;
        this.filter = filter;
    }

    /**
     * The one with Pillow's number.
     *
     * @throws IllegalArgumentException for a number of none of them; 0, the nearest neighbour, is none
     */
    public static Resampler ofCode(int code) {
        for (Resampler r : values()) {
            if (r.code == code) {
                return r;
            }
        }
        throw new IllegalArgumentException("resample (" + code + ") must be from 1 to 5");
    }

    /** The picture in another size; itself if it has that size. */
    public RgbImage resize(RgbImage image, int height, int width) {
        int fewerRows = image.height() - height;
        boolean rowsFirst = fewerRows > 0 && fewerRows > 2 * (image.width() - width);
        return rowsFirst
                ? resizeColumns(resizeRows(image, height), width)
                : resizeRows(resizeColumns(image, width), height);
    }

    private RgbImage resizeColumns(RgbImage image, int width) {
        if (width == image.width()) {
            return image;
        }
        Weights weights = weights(image.width(), width);
        int height = image.height();
        byte[] from = image.rgb();
        byte[] to = new byte[Math.multiplyExact(3, Math.multiplyExact(height, width))];
        for (int y = 0, out = 0; y < height; y++) {
            int row = 3 * y * image.width();
            for (int x = 0; x < width; x++, out += 3) {
                int red = HALF;
                int green = HALF;
                int blue = HALF;
                int in = row + 3 * weights.first[x];
                for (int k = weights.start[x]; k < weights.start[x + 1]; k++, in += 3) {
                    int weight = weights.values[k];
                    red += (from[in] & 0xff) * weight;
                    green += (from[in + 1] & 0xff) * weight;
                    blue += (from[in + 2] & 0xff) * weight;
                }
                to[out] = level(red);
                to[out + 1] = level(green);
                to[out + 2] = level(blue);
            }
        }
        return new RgbImage(height, width, to);
    }

    private RgbImage resizeRows(RgbImage image, int height) {
        if (height == image.height()) {
            return image;
        }
        Weights weights = weights(image.height(), height);
        int rowBytes = 3 * image.width();
        byte[] from = image.rgb();
        byte[] to = new byte[Math.multiplyExact(height, rowBytes)];
        int[] sums = new int[rowBytes];
        for (int y = 0; y < height; y++) {
            Arrays.fill(sums, HALF);
            int in = rowBytes * weights.first[y];
            for (int k = weights.start[y]; k < weights.start[y + 1]; k++, in += rowBytes) {
                addRow(sums, from, in, weights.values[k]);
            }
            int out = y * rowBytes;
            for (int i = 0; i < rowBytes; i++) {
                to[out + i] = level(sums[i]);
            }
        }
        return new RgbImage(height, image.width(), to);
    }

    private static void addRow(int[] sums, byte[] from, int start, int weight) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += (from[start + i] & 0xff) * weight;
        }
    }

    private static byte level(int sum) {
        return (byte) Math.clamp(sum >> PRECISION_BITS, 0, 255);
    }

    /**
     * What each output is made of.
     *
     * @param first by output, the first input
     * @param start by output, where its weights begin; one more at the end
     * @param values weights with {@link #PRECISION_BITS} behind the point, of consecutive inputs
     */
    private record Weights(int[] first, int[] start, int[] values) {}

    private Weights weights(int inputs, int outputs) {
        double scale = (double) inputs / outputs;
        double widening = Math.max(scale, 1);
        double reach = support * widening;
        int[] first = new int[outputs];
        int[] start = new int[outputs + 1];
        int[] values = new int[Math.multiplyExact(outputs, (int) Math.ceil(reach) * 2 + 1)];
        double[] exact = new double[(int) Math.ceil(reach) * 2 + 1];
        for (int out = 0; out < outputs; out++) {
            double center = (out + 0.5) * scale;
            first[out] = Math.max(0, (int) (center - reach + 0.5));
            int count = Math.min(inputs, (int) (center + reach + 0.5)) - first[out];
            double sum = 0;
            for (int k = 0; k < count; k++) {
                exact[k] = filter.applyAsDouble((k + first[out] - center + 0.5) * (1 / widening));
                sum += exact[k];
            }
            for (int k = 0; k < count; k++) {
                double scaled = (sum == 0 ? exact[k] : exact[k] / sum) * (1 << PRECISION_BITS);
                values[start[out] + k] = (int) (scaled < 0 ? scaled - 0.5 : scaled + 0.5);
            }
            start[out + 1] = start[out] + count;
        }
        return new Weights(first, start, values);
    }

    private static double hamming(double x) {
        double distance = Math.abs(x);
        if (distance >= 1) {
            return 0;
        }
        return distance == 0 ? 1 : sinc(distance) * (0.54 + 0.46 * Math.cos(distance * Math.PI));
    }

    private static double bicubic(double x) {
        double a = -0.5;
        double distance = Math.abs(x);
        if (distance < 1) {
            return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
        }
        return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * a : 0;
    }

    private static double sinc(double x) {
        return x == 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
    }
}
