package dev.langchain4j.model.mlx.spring;

import dev.langchain4j.model.mlx.MlxModel;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;

/** Whether a model takes requests, for Spring Boot 3: up until it is closed. */
final class MlxHealthIndicator3 implements HealthIndicator {
    private final MlxModel model;

    MlxHealthIndicator3(MlxModel model) {
        this.model = model;
    }

    @Override
    public Health health() {
        Health.Builder health = model.isClosed() ? Health.down() : Health.up();
        return health.withDetails(MlxHealthDetails.of(model)).build();
    }
}
