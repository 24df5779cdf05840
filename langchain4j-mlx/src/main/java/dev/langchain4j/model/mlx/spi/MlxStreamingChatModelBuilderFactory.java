package dev.langchain4j.model.mlx.spi;

import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link MlxStreamingChatModel#builder()} returns. A framework provides it through {@link
 * java.util.ServiceLoader}. Not for applications.
 */
public interface MlxStreamingChatModelBuilderFactory extends Supplier<MlxStreamingChatModel.Builder> {}
