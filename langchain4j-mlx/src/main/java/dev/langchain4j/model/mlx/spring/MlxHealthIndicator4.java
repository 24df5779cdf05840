package dev.langchain4j.model.mlx.spring;

import dev.langchain4j.model.mlx.MlxModel;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;

/** Whether a model takes requests, for Spring Boot 4: up until it is closed. */
final class MlxHealthIndicator4 implements HealthIndicator {
    private final MlxModel model;

    MlxHealthIndicator4(MlxModel model) {
        this.model = model;
    }

    @Override
    public Health health() {
        Health.Builder health = model.isClosed() ? Health.down() : Health.up();
        return health.withDetails(MlxHealthDetails.of(model)).build();
    }
}
