package dev.langchain4j.model.mlx.spi;

import dev.langchain4j.model.mlx.MlxEmbeddingModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link MlxEmbeddingModel#builder()} returns. A framework provides it through {@link
 * java.util.ServiceLoader}. Not for applications.
 */
public interface MlxEmbeddingModelBuilderFactory extends Supplier<MlxEmbeddingModel.Builder> {}
