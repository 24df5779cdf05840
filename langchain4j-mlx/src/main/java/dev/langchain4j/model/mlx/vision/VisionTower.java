package dev.langchain4j.model.mlx.vision;

/**
 * A vision tower and the projector behind it: from the pixels of a picture to features as wide as the language model's
 * hidden states, which take the place of embeddings at the picture's tokens. Owns nothing but references into its
 * weights. All methods are called on the thread that loaded the weights, with a scope open.
 */
public interface VisionTower {

    /** Lazily computes the features of one picture. They depend on nothing but its pixels. */
    ImageFeatures encode(ProcessedImage image);

    /**
     * How many patches a side become one token, where the tokens of a picture have a position on each of three axes
     * (mrope): time, height and width. 0 where positions count tokens, as those of text do.
     */
    default int mergeSize() {
        return 0;
    }

    /**
     * Whether the tokens of a picture attend to one another in both directions in some layer, so that a picture is fed
     * in one chunk.
     */
    default boolean attendsBothWays() {
        return false;
    }
}
