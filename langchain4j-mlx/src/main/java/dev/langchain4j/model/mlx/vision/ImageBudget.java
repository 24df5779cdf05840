package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.data.message.ImageContent.DetailLevel;

/**
 * How much of a picture the model is to see. Families whose pictures have a fixed size, or one without a range, take no
 * notice of it.
 */
public enum ImageBudget {
    /** What the model's folder says. */
    AUTO,
    /** Gemma 4: a quarter of the folder's tokens (70 of 280); Qwen: at most 256 tokens. */
    LOW,
    /** Gemma 4: the folder's tokens (280); Qwen: at most 1,024 tokens. */
    MEDIUM,
    /** Gemma 4: twice the folder's tokens (560); Qwen: at most 4,096 tokens. */
    HIGH,
    /** Gemma 4: four times the folder's tokens (1,120); Qwen: what the folder says, its most. */
    ULTRA_HIGH;

    /** The budget of a detail level; {@link #AUTO} for null. */
    public static ImageBudget of(DetailLevel level) {
        return level == null ? AUTO : valueOf(level.name());
    }
}
