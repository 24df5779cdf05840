package dev.langchain4j.model.mlx.spi;

import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link MlxStreamingChatModel#builder()} gives. Found by {@link java.util.ServiceLoader}, so that a framework can
 * have a streaming chat model built its own way. Not for applications.
 */
public interface MlxStreamingChatModelBuilderFactory extends Supplier<MlxStreamingChatModel.Builder> {}
