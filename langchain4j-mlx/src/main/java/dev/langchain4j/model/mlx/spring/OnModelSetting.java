package dev.langchain4j.model.mlx.spring;

import org.springframework.boot.autoconfigure.condition.AnyNestedCondition;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;

/** Whether a name or a path is set: of the language model, the embedding model or the scoring model. */
final class OnModelSetting {
    private OnModelSetting() {}

    static final class Language extends AnyNestedCondition {
        Language() {
            super(ConfigurationPhase.REGISTER_BEAN);
        }

        @ConditionalOnProperty("langchain4j.mlx.model-name")
        static final class Named {}

        @ConditionalOnProperty("langchain4j.mlx.model-path")
        static final class Placed {}
    }

    static final class Embedding extends AnyNestedCondition {
        Embedding() {
            super(ConfigurationPhase.REGISTER_BEAN);
        }

        @ConditionalOnProperty("langchain4j.mlx.embedding-model.model-name")
        static final class Named {}

        @ConditionalOnProperty("langchain4j.mlx.embedding-model.model-path")
        static final class Placed {}
    }

    static final class Scoring extends AnyNestedCondition {
        Scoring() {
            super(ConfigurationPhase.REGISTER_BEAN);
        }

        @ConditionalOnProperty("langchain4j.mlx.scoring-model.model-name")
        static final class Named {}

        @ConditionalOnProperty("langchain4j.mlx.scoring-model.model-path")
        static final class Placed {}
    }
}
