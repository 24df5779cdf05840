package dev.langchain4j.mlx.image;

import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.ffi.PictureC;

/**
 * Decodes PNG, JPEG, WebP and GIF (the first frame). A picture is turned as its EXIF data says, then becomes RGB as by
 * Pillow's {@code convert("RGB")}: alpha is dropped, nothing is composited, a colour profile does not count. The bytes
 * of a PNG are Pillow's; decoders of JPEG and lossy WebP differ by a few levels. Safe for use by many threads.
 */
public final class ImageDecoder {
    private ImageDecoder() {}

    /**
     * Decodes a file's content.
     *
     * @throws IllegalArgumentException if it is no such picture, is larger than a limit, ends too early or contradicts
     *     itself; the message, a clause about "it", says which
     */
    public static RgbImage decode(byte[] bytes, ImageLimits limits) {
        if (bytes.length == 0) {
            throw new IllegalArgumentException("it is empty");
        }
        if (bytes.length > limits.bytesMax()) {
            throw new IllegalArgumentException(
                    "it has " + bytes.length + " bytes, but at most " + limits.bytesMax() + " are read");
        }
        try {
            PictureC.Pixels pixels = PictureC.decode(bytes, limits.pixelsMax());
            return new RgbImage(pixels.height(), pixels.width(), pixels.rgb());
        } catch (MlxException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }
}
