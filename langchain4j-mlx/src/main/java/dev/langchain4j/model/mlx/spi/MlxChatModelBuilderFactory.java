package dev.langchain4j.model.mlx.spi;

import dev.langchain4j.model.mlx.MlxChatModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link MlxChatModel#builder()} returns. A framework provides it through {@link
 * java.util.ServiceLoader}. Not for applications.
 */
public interface MlxChatModelBuilderFactory extends Supplier<MlxChatModel.Builder> {}
