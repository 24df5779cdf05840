package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;

/**
 * How far the positions of a model reach, as its folder says and its builder wants it.
 *
 * @param config config.json with the positions that are wanted
 * @param tokens maximum number of tokens of prompt and answer together
 * @param key what tells the keys that are computed with these positions from those with others
 */
record ContextLimit(ModelConfig config, int tokens, String key) {
    private static final int UNLIMITED = 1 << 24;

    /**
     * The limit.
     *
     * @param scaling null for what the folder says
     * @param wanted null for as many tokens as can be
     * @throws InvalidRequestException if the folder's positions cannot be scaled like that, or do not reach so far
     */
    static ContextLimit of(ModelConfig folder, RopeScaling scaling, Integer wanted) {
        ModelConfig config = scaling == null
                ? folder
                : ModelRegistry.scaled(folder, scaling.type(), scaling.factor(), scaling.originalContext());
        int most = RopeParameters.contextLength(config, UNLIMITED);
        if (wanted != null && wanted > most) {
            throw new InvalidRequestException("contextLength (" + wanted + ") must not exceed the context of the model "
                    + (scaling == null
                            ? "(" + most + "); ropeScaling extends it"
                            : "with " + scaling + " (" + most + ")"));
        }
        int tokens = wanted == null ? most : wanted;
        ModelConfig fitted = RopeParameters.fitted(config, tokens);
        String key = (scaling == null ? "" : "-" + scaling) + (fitted == config ? "" : "-short");
        return new ContextLimit(fitted, tokens, key);
    }
}
