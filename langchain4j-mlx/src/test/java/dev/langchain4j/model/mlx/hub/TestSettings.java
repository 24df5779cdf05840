package dev.langchain4j.model.mlx.hub;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;

/** Settings of a test's hub: small segments and no waits. A test changes what it is about. */
final class TestSettings {
    private final FakeHub fake;
    private final Path cache;
    private String token;
    private boolean offline;
    private int connections = 4;
    private int attempts = 4;
    private Duration stallTimeout = Duration.ofSeconds(20);
    private boolean durable;
    private long usableSpace = Long.MAX_VALUE;
    private URI endpoint;
    private EnvironmentProxies proxies = new EnvironmentProxies(Map.of(), new Properties());

    TestSettings(FakeHub fake, Path cache) {
        this.fake = fake;
        this.endpoint = fake.endpoint();
        this.cache = cache;
    }

    TestSettings token(String value) {
        token = value;
        return this;
    }

    TestSettings offline() {
        offline = true;
        return this;
    }

    TestSettings connections(int count) {
        connections = count;
        return this;
    }

    TestSettings attempts(int count) {
        attempts = count;
        return this;
    }

    TestSettings stallTimeout(Duration limit) {
        stallTimeout = limit;
        return this;
    }

    TestSettings durable() {
        durable = true;
        return this;
    }

    TestSettings proxy(String address, String endpointBehindIt) {
        proxies = new EnvironmentProxies(
                Map.of("http_proxy", address, "https_proxy", address, "no_proxy", ""), new Properties());
        endpoint = URI.create(endpointBehindIt);
        return this;
    }

    TestSettings usableSpace(long bytes) {
        usableSpace = bytes;
        return this;
    }

    HubSettings build() {
        return new HubSettings(
                endpoint,
                token,
                cache,
                offline,
                connections,
                HubFixture.SEGMENT_BYTES,
                attempts,
                Duration.ZERO,
                Duration.ZERO,
                stallTimeout,
                proxies,
                durable,
                folder -> usableSpace);
    }
}
