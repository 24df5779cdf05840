package dev.langchain4j.mlx.image;

/**
 * What a picture may have at most. Both limits are checked before it is decoded, the second against its header.
 *
 * @param bytesMax of the file, positive
 * @param pixelsMax height times width, at most 700 million
 */
public record ImageLimits(long bytesMax, long pixelsMax) {
    /** 32 MiB and 50 million pixels: what cameras of phones take. */
    public static final ImageLimits DEFAULT = new ImageLimits(32L << 20, 50_000_000);

    /** Three bytes a pixel are one array. */
    private static final long PIXELS_MAX = 700_000_000;

    /**
     * Checks the limits.
     *
     * @throws IllegalArgumentException if one is out of its range
     */
    public ImageLimits {
        if (bytesMax <= 0 || bytesMax > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("bytesMax (" + bytesMax + ") must be from 1 to " + Integer.MAX_VALUE);
        }
        if (pixelsMax <= 0 || pixelsMax > PIXELS_MAX) {
            throw new IllegalArgumentException("pixelsMax (" + pixelsMax + ") must be from 1 to " + PIXELS_MAX);
        }
    }
}
