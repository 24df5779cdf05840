package dev.langchain4j.model.mlx.cache;

import java.util.Objects;

/**
 * The properties that must be equal for prompts to share states: different keys never share.
 *
 * @param model path or repository of the model
 * @param revision revision or content hash, empty if unknown
 * @param adapter adapter that is applied, empty if none
 * @param draftModel draft model whose state is kept too, empty if none
 * @param kvFormat data type and quantisation of the kept state, for example {@code "float32"}
 */
public record CacheKey(String model, String revision, String adapter, String draftModel, String kvFormat) {
    /** Checks that no part is null. */
    public CacheKey {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(revision, "revision");
        Objects.requireNonNull(adapter, "adapter");
        Objects.requireNonNull(draftModel, "draftModel");
        Objects.requireNonNull(kvFormat, "kvFormat");
    }

    /** The key of a model with nothing added to it. */
    public static CacheKey of(String model, String kvFormat) {
        return new CacheKey(model, "", "", "", kvFormat);
    }
}
