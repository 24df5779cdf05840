package dev.langchain4j.model.mlx.spi;

import dev.langchain4j.model.mlx.MlxChatModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link MlxChatModel#builder()} gives. Found by {@link java.util.ServiceLoader}, so that a framework can
 * have a blocking chat model built its own way. Not for applications.
 */
public interface MlxChatModelBuilderFactory extends Supplier<MlxChatModel.Builder> {}
