package dev.langchain4j.model.mlx.spi;

import dev.langchain4j.model.mlx.MlxScoringModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link MlxScoringModel#builder()} gives. Found by {@link java.util.ServiceLoader}, so that a framework can
 * have a scoring model built its own way. Not for applications.
 */
public interface MlxScoringModelBuilderFactory extends Supplier<MlxScoringModel.Builder> {}
