package dev.langchain4j.model.mlx.spring;

import dev.langchain4j.model.mlx.MlxMetrics;
import dev.langchain4j.model.mlx.MlxModel;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * What operators see of the MLX model: meters where there is Micrometer, whose registries Spring Boot
 * binds them to, and a health indicator where there is Spring Boot's Actuator.
 */
@AutoConfiguration(after = MlxAutoConfiguration.class)
@ConditionalOnProperty(name = "langchain4j.mlx.enabled", matchIfMissing = true)
@ConditionalOnSingleCandidate(MlxModel.class)
public class MlxActuatorAutoConfiguration {

    /** Meters: Spring Boot binds them to its registries. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterRegistry.class)
    static class Meters {

        @Bean(destroyMethod = "close")
        @ConditionalOnMissingBean
        MlxMetrics mlxMetrics(MlxModel model) {
            return new MlxMetrics(model);
        }
    }

    /** Health with the Actuator of Spring Boot 3. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "org.springframework.boot.actuate.health.HealthIndicator")
    @ConditionalOnProperty(name = "management.health.mlx.enabled", matchIfMissing = true)
    static class HealthOfBoot3 {

        @Bean
        @ConditionalOnMissingBean(name = "mlxHealthIndicator")
        MlxHealthIndicator3 mlxHealthIndicator(MlxModel model) {
            return new MlxHealthIndicator3(model);
        }
    }

    /** Health with the Actuator of Spring Boot 4. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "org.springframework.boot.health.contributor.HealthIndicator")
    @ConditionalOnProperty(name = "management.health.mlx.enabled", matchIfMissing = true)
    static class HealthOfBoot4 {

        @Bean
        @ConditionalOnMissingBean(name = "mlxHealthIndicator")
        MlxHealthIndicator4 mlxHealthIndicator(MlxModel model) {
            return new MlxHealthIndicator4(model);
        }
    }
}
