package dev.langchain4j.model.mlx.samples.quarkus;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;

/**
 * A model in a Quarkus application, or any other with CDI: one producer loads the weights and closes them at the end,
 * the chat models share them. The environment variable {@code MLX_MODEL} has a folder or a repository id.
 */
@ApplicationScoped
public class MlxProducer {

    /** The weights. */
    @Produces
    @Singleton
    public MlxModel mlxModel() {
        return MlxModel.load(System.getenv("MLX_MODEL"));
    }

    /** Called when the application ends. */
    public void close(@Disposes MlxModel mlx) {
        mlx.close();
    }

    /** For answers that are wanted whole. */
    @Produces
    @Singleton
    public ChatModel chatModel(MlxModel mlx) {
        return MlxChatModel.builder().model(mlx).build();
    }

    /** For answers in pieces. */
    @Produces
    @Singleton
    public StreamingChatModel streamingChatModel(MlxModel mlx) {
        return MlxStreamingChatModel.builder().model(mlx).build();
    }
}
