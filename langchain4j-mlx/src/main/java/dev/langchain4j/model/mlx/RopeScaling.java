package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import java.util.Locale;
import java.util.Objects;

/**
 * The scaling of a model's rotary positions for contexts longer than its training context. Use it for models whose card
 * recommends it, as those of Qwen3 recommend yarn with factor 4. Other models lose quality with the factor, also for
 * short prompts; a folder does not state how much.
 *
 * <pre>{@code
 * MlxModel.builder().modelName("mlx-community/Qwen3-30B-A3B-4bit")
 *         .ropeScaling(RopeScaling.yarn(4, 32_768)).contextLength(131_072).build();
 * }</pre>
 *
 * <p>There is no dynamic scaling: the rotation of a token would depend on when it was computed, and the prompt cache
 * could not share it.
 *
 * @param kind the kind of scaling
 * @param factor how many times more tokens there may be than the original context has; at least 1
 * @param originalContext tokens that the model was trained with; null for what config.json says
 */
public record RopeScaling(Kind kind, double factor, Integer originalContext) {

    /** A kind of scaling. */
    public enum Kind {
        /** Stretches long wavelengths and leaves short ones; arXiv:2309.00071. */
        YARN,
        /** Stretches all wavelengths. */
        LINEAR
    }

    /**
     * Checks the numbers.
     *
     * @throws InvalidRequestException if {@code factor} is less than 1 or not a number, or {@code originalContext} less
     *     than 1
     */
    public RopeScaling {
        Objects.requireNonNull(kind, "kind");
        if (!(factor >= 1) || Double.isInfinite(factor)) {
            throw new InvalidRequestException("factor (" + factor + ") of ropeScaling must be a number of at least 1");
        }
        ModelSettings.atLeastOne("originalContext", originalContext);
    }

    /** Yarn, from the context that config.json says. */
    public static RopeScaling yarn(double factor) {
        return new RopeScaling(Kind.YARN, factor, null);
    }

    /** Yarn, from this context; cards name it {@code original_max_position_embeddings}. */
    public static RopeScaling yarn(double factor, int originalContext) {
        return new RopeScaling(Kind.YARN, factor, originalContext);
    }

    /** Linear scaling, from the context that config.json says. */
    public static RopeScaling linear(double factor) {
        return new RopeScaling(Kind.LINEAR, factor, null);
    }

    /** The name in config.json. */
    String type() {
        return kind.name().toLowerCase(Locale.ROOT);
    }
}
