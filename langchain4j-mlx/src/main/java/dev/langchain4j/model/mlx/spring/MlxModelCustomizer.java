package dev.langchain4j.model.mlx.spring;

import dev.langchain4j.model.mlx.MlxModel;

/**
 * A bean of this type changes how {@link MlxAutoConfiguration} loads the language model, after the properties were set.
 */
@FunctionalInterface
public interface MlxModelCustomizer {

    /** Sets what has no property, such as a disk cache. */
    void customize(MlxModel.Builder builder);
}
