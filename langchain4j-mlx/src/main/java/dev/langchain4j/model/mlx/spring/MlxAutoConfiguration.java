package dev.langchain4j.model.mlx.spring;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.mlx.MlxEmbeddingModel;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxScoringModel;
import dev.langchain4j.model.scoring.ScoringModel;
import java.util.List;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;

/**
 * Loads MLX models in Spring Boot 3.5 and 4, as {@link MlxProperties} say: the language model, an embedding model and a
 * scoring model, if the application has none of its own. When the application stops, they are closed after the running
 * requests. {@link MlxChatAutoConfiguration} makes chat models of it.
 */
@AutoConfiguration
@ConditionalOnProperty(name = "langchain4j.mlx.enabled", matchIfMissing = true)
@EnableConfigurationProperties(MlxProperties.class)
public class MlxAutoConfiguration {

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    @Conditional(OnModelSetting.Language.class)
    MlxModel mlxModel(MlxProperties properties, ObjectProvider<MlxModelCustomizer> customizers) {
        MlxModel.Builder builder = MlxModel.builder()
                .modelName(properties.modelName())
                .modelPath(properties.modelPath())
                .contextLength(properties.contextLength())
                .maxConcurrent(properties.maxConcurrent())
                .maxQueued(properties.maxQueued())
                .queueTimeout(properties.queueTimeout())
                .gracePeriod(properties.gracePeriod())
                .kvBits(properties.kvBits())
                .maxKvSize(properties.maxKvSize())
                .adapter(properties.adapter());
        customizers.orderedStream().forEach(customizer -> customizer.customize(builder));
        return builder.build();
    }

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean(EmbeddingModel.class)
    @Conditional(OnModelSetting.Embedding.class)
    MlxEmbeddingModel mlxEmbeddingModel(
            MlxProperties properties, ObjectProvider<EmbeddingModelListener> listenerBeans) {
        List<EmbeddingModelListener> listeners = listenerBeans.orderedStream().toList();
        MlxProperties.Embedding embedding = properties.embeddingModel();
        return MlxEmbeddingModel.builder()
                .modelName(embedding.modelName())
                .modelPath(embedding.modelPath())
                .maxLength(embedding.maxLength())
                .normalize(embedding.normalize())
                .maxSegmentsPerBatch(embedding.maxSegmentsPerBatch())
                .listeners(listeners)
                .build();
    }

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean(ScoringModel.class)
    @Conditional(OnModelSetting.Scoring.class)
    MlxScoringModel mlxScoringModel(MlxProperties properties) {
        MlxProperties.Scoring scoring = properties.scoringModel();
        return MlxScoringModel.builder()
                .modelName(scoring.modelName())
                .modelPath(scoring.modelPath())
                .maxLength(scoring.maxLength())
                .instruction(scoring.instruction())
                .build();
    }
}
