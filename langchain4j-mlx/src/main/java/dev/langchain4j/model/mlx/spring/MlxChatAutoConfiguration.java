package dev.langchain4j.model.mlx.spring;

import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.mlx.MlxChatBuilder;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import dev.langchain4j.model.mlx.MlxTokenCountEstimator;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;

/**
 * Chat models, a blocking and a streaming one, and a token count estimator, over the MLX model, if the application has
 * none of its own. Listeners that are beans are notified of requests.
 */
@AutoConfiguration(after = MlxAutoConfiguration.class)
@ConditionalOnProperty(name = "langchain4j.mlx.enabled", matchIfMissing = true)
@ConditionalOnSingleCandidate(MlxModel.class)
@EnableConfigurationProperties(MlxProperties.class)
public class MlxChatAutoConfiguration {

    @Bean
    @ConditionalOnMissingBean(ChatModel.class)
    MlxChatModel mlxChatModel(MlxModel model, MlxProperties properties, ObjectProvider<ChatModelListener> listeners) {
        return with(MlxChatModel.builder(), model, properties.chatModel(), listeners)
                .build();
    }

    @Bean
    @ConditionalOnMissingBean(StreamingChatModel.class)
    MlxStreamingChatModel mlxStreamingChatModel(
            MlxModel model, MlxProperties properties, ObjectProvider<ChatModelListener> listeners) {
        return with(MlxStreamingChatModel.builder(), model, properties.chatModel(), listeners)
                .build();
    }

    @Bean
    @ConditionalOnMissingBean(TokenCountEstimator.class)
    MlxTokenCountEstimator mlxTokenCountEstimator(MlxModel model) {
        return model.tokenCountEstimator();
    }

    private static <B extends MlxChatBuilder<B>> B with(
            B builder, MlxModel model, MlxProperties.Chat chat, ObjectProvider<ChatModelListener> listeners) {
        return builder.model(model)
                .temperature(chat.temperature())
                .topP(chat.topP())
                .topK(chat.topK())
                .minP(chat.minP())
                .repetitionPenalty(chat.repetitionPenalty())
                .seed(chat.seed())
                .maxOutputTokens(chat.maxOutputTokens())
                .timeout(chat.timeout())
                .stopSequences(chat.stopSequences())
                .think(chat.think())
                .reasoningEffort(chat.reasoningEffort())
                .maxReasoningTokens(chat.maxReasoningTokens())
                .returnThinking(chat.returnThinking())
                .contextOverflow(chat.contextOverflow())
                .logRequests(chat.logRequests())
                .logResponses(chat.logResponses())
                .listeners(listeners.orderedStream().toList());
    }
}
