package dev.langchain4j.model.mlx.samples.spring;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * A model in a Spring Boot application: one bean holds the weights, the chat models share it. Spring closes it. The
 * property {@code mlx.model} has a folder or a repository id.
 */
@Configuration
public class MlxConfiguration {

    /** The weights. */
    @Bean
    public MlxModel mlxModel(@Value("${mlx.model}") String model) {
        return MlxModel.load(model);
    }

    /** For answers that are wanted whole. */
    @Bean
    public ChatModel chatModel(MlxModel mlx) {
        return MlxChatModel.builder().model(mlx).build();
    }

    /** For answers in pieces. */
    @Bean
    public StreamingChatModel streamingChatModel(MlxModel mlx) {
        return MlxStreamingChatModel.builder().model(mlx).build();
    }
}
