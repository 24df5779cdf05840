package dev.langchain4j.model.mlx.spi;

import dev.langchain4j.model.mlx.MlxEmbeddingModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link MlxEmbeddingModel#builder()} gives. Found by {@link java.util.ServiceLoader}, so that a framework can
 * have an embedding model built its own way. Not for applications.
 */
public interface MlxEmbeddingModelBuilderFactory extends Supplier<MlxEmbeddingModel.Builder> {}
