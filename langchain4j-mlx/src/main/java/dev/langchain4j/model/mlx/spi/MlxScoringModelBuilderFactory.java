package dev.langchain4j.model.mlx.spi;

import dev.langchain4j.model.mlx.MlxScoringModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link MlxScoringModel#builder()} returns. A framework provides it through {@link
 * java.util.ServiceLoader}. Not for applications.
 */
public interface MlxScoringModelBuilderFactory extends Supplier<MlxScoringModel.Builder> {}
