package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.ImageLimits;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.vision.ImageProcessor;
import dev.langchain4j.model.mlx.vision.ImageSource;

/**
 * The settings of {@link MlxModel.Builder} for images of multimodal models. Larger images are refused with an {@link
 * InvalidRequestException} before they are decoded.
 *
 * @param <B> the builder itself
 */
public abstract class MlxImageSettings<B extends MlxImageSettings<B>> {
    private static final int IMAGES_MAX = 64;

    private boolean images = true;
    private int maxImages = IMAGES_MAX;
    private long maxImageBytes = ImageLimits.DEFAULT.bytesMax();
    private long maxImagePixels = ImageLimits.DEFAULT.pixelsMax();
    private MlxImageUrls imageUrls;

    MlxImageSettings() {}

    abstract B self();

    /**
     * Whether the vision tower of the folder is loaded, if it has one that is supported. Without it the model reads
     * text only, and needs less memory. Default: true.
     */
    public B images(boolean wanted) {
        this.images = wanted;
        return self();
    }

    /** Maximum number of images in a request, including those of earlier turns. Default: 64. */
    public B maxImages(Integer count) {
        ModelSettings.atLeastOne("maxImages", count);
        this.maxImages = count == null ? IMAGES_MAX : count;
        return self();
    }

    /** Maximum size of an image file in bytes. Default: 32 MiB. */
    public B maxImageBytes(Long bytes) {
        this.maxImageBytes = bytes == null ? ImageLimits.DEFAULT.bytesMax() : bytes;
        return self();
    }

    /** Maximum number of pixels of an image, before it is resized for the model. Default: 50 million. */
    public B maxImagePixels(Long pixels) {
        this.maxImagePixels = pixels == null ? ImageLimits.DEFAULT.pixelsMax() : pixels;
        return self();
    }

    /**
     * Fetches images from http and https URLs in messages. The author of a message can then make this JVM connect to a
     * server, within these rules. Default: null, such URLs are refused; base64 data, {@code data:} and {@code file:}
     * URLs are read in any case.
     */
    public B allowImageUrls(MlxImageUrls rules) {
        this.imageUrls = rules;
        return self();
    }

    /** What is loaded of a folder. */
    final ModelConfig seen(ModelConfig config) {
        return images ? config : TextPart.withoutTower(config);
    }

    /** What reads images for a processor. */
    final ChatImages chatImages(ImageProcessor processor) {
        ImageSource source = new ImageSource(maxImageBytes, imageUrls == null ? null : imageUrls.rules());
        return new ChatImages(processor, source, imageLimits(), maxImages);
    }

    final ImageLimits imageLimits() {
        try {
            return new ImageLimits(maxImageBytes, maxImagePixels);
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException(
                    "maxImageBytes (" + maxImageBytes + ") and maxImagePixels (" + maxImagePixels + "): "
                            + e.getMessage(),
                    e);
        }
    }
}
