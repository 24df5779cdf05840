package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.testing.DemoModel;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MlxMetricsTest {
    private static final String PREFIX = "langchain4j.mlx.";

    @Test
    void metersShowWhatRequestsCostAndWhatTheCacheHolds() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (MlxModel mlx = MlxModel.load(DemoModel.folder())) {
            MlxMetrics metrics = new MlxMetrics(mlx);
            metrics.bindTo(registry);
            ChatModel chat = MlxChatModel.builder()
                    .model(mlx)
                    .temperature(0.0)
                    .listeners(metrics)
                    .build();
            ChatResponse first = chat.chat(UserMessage.from("Hello!"));
            ChatResponse second = chat.chat(UserMessage.from("Hello!"));
            MlxTokenUsage cold = (MlxTokenUsage) first.tokenUsage();
            MlxTokenUsage warm = (MlxTokenUsage) second.tokenUsage();
            assertThat(warm.cachedTokens()).isPositive();
            double cached = cold.cachedTokens() + warm.cachedTokens();
            double prompts = cold.inputTokenCount() + warm.inputTokenCount();
            assertThat(tokens(registry, "cached")).isEqualTo(cached);
            assertThat(tokens(registry, "prefilled")).isEqualTo(prompts - cached);
            assertThat(tokens(registry, "generated")).isEqualTo(cold.outputTokenCount() + warm.outputTokenCount());
            assertThat(registry.get(PREFIX + "first.token.time").timer().count())
                    .isEqualTo(2);
            assertThat(registry.get(PREFIX + "first.token.time").timer().totalTime(TimeUnit.NANOSECONDS))
                    .isPositive();
            assertThat(registry.get(PREFIX + "queue.time").timer().count()).isEqualTo(2);
            assertThat(registry.get(PREFIX + "running.time").timer().count()).isEqualTo(2);
            assertThat(registry.get(PREFIX + "running.time").timer().totalTime(TimeUnit.NANOSECONDS))
                    .isGreaterThanOrEqualTo(
                            registry.get(PREFIX + "first.token.time").timer().totalTime(TimeUnit.NANOSECONDS));
            assertThat(registry.get(PREFIX + "requests")
                            .tag("end", "finished")
                            .functionCounter()
                            .count())
                    .isEqualTo(2);
            assertThat(registry.get(PREFIX + "requests.running").gauge().value())
                    .isZero();
            assertThat(registry.get(PREFIX + "requests.waiting").gauge().value())
                    .isZero();
            assertThat(registry.get(PREFIX + "decode.rate").summary().mean()).isPositive();
            assertThat(registry.get(PREFIX + "decode.rows").summary().mean()).isEqualTo(1);
            assertThat(registry.get(PREFIX + "stall.time").timer().count()).isEqualTo(2);
            assertThat(registry.get(PREFIX + "stall.time").timer().max(TimeUnit.NANOSECONDS))
                    .isPositive();
            assertThat(registry.get(PREFIX + "memory.wait.time").timer().count())
                    .as("nobody had to")
                    .isZero();
            assertThat(registry.get(PREFIX + "cache.hit.ratio").gauge().value())
                    .isCloseTo(cached / prompts, within(1e-9));
            assertThat(registry.get(PREFIX + "cache.held")
                            .tag("model", mlx.name())
                            .gauge()
                            .value())
                    .isEqualTo(mlx.promptCache().stats().bytesHeld());
            assertThat(registry.get(PREFIX + "cache.limit").gauge().value())
                    .isEqualTo(mlx.promptCache().stats().bytesMax())
                    .isGreaterThan(mlx.promptCache().stats().bytesHeld());
            assertThat(registry.get(PREFIX + "cache.buffers").gauge().value()).isPositive();
            assertThat(registry.get(PREFIX + "memory.weights").gauge().value())
                    .isGreaterThanOrEqualTo(mlx.weightBytes());
            assertThat(registry.get(PREFIX + "memory.footprint").gauge().value())
                    .isBetween(
                            (double) mlx.weightBytes(),
                            registry.get(PREFIX + "memory.footprint.limit")
                                    .gauge()
                                    .value());
            assertThat(registry.get(PREFIX + "cache.saved")
                            .tag("by", "memory")
                            .gauge()
                            .value())
                    .isPositive();
            assertThat(registry.get(PREFIX + "cache.saved")
                            .tag("by", "disk")
                            .gauge()
                            .value())
                    .isZero();
            assertThat(registry.find(PREFIX + "cache.hits").functionCounters().stream()
                            .mapToDouble(c -> c.count())
                            .sum())
                    .isEqualTo(1);
            assertThat(registry.find(PREFIX + "cache.entries").gauges()).hasSize(3);
            assertThatThrownBy(() -> chat.chat(UserMessage.from("Hello! ".repeat(20_000))));
            assertThat(registry.get(PREFIX + "errors").counter().count()).isEqualTo(1);
            registry.counter("another");
            metrics.close();
            metrics.close();
            assertThat(registry.getMeters())
                    .singleElement()
                    .satisfies(m -> assertThat(m.getId().getName()).isEqualTo("another"));
        }
    }

    /** Meters are read while the model is open: a registry keeps no model. */
    @Test
    void metersAndAnEventShowWhatCameFromDisk(@TempDir Path folder) throws IOException {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        Path file = folder.resolve("restore.jfr");
        try (MlxModel mlx = withDisk(folder)) {
            ask(mlx);
        }
        double restored;
        try (Recording recording = new Recording();
                MlxModel mlx = withDisk(folder)) {
            new MlxMetrics(mlx).bindTo(registry);
            assertThat(registry.get(PREFIX + "cache.disk.held").gauge().value()).isPositive();
            recording.enable("dev.langchain4j.mlx.CacheRestore");
            recording.start();
            ask(mlx);
            recording.stop();
            recording.dump(file);
            assertThat(counter(registry, "cache.disk.hits")).isEqualTo(1);
            assertThat(counter(registry, "cache.disk.misses")).isZero();
            assertThat(counter(registry, "cache.disk.bytes.read")).isPositive();
            FunctionTimer restoring =
                    registry.get(PREFIX + "cache.disk.restore.time").functionTimer();
            assertThat(restoring.count()).isEqualTo(1);
            assertThat(restoring.totalTime(TimeUnit.NANOSECONDS)).isPositive();
            restored = counter(registry, "cache.disk.tokens");
        }
        assertThat(RecordingFile.readAllEvents(file).stream()
                        .filter(event -> event.getEventType().getName().endsWith("CacheRestore")))
                .singleElement()
                .satisfies(event -> {
                    assertThat(event.getString("conversation")).isEqualTo("ann");
                    assertThat(event.getInt("from")).isZero();
                    assertThat(event.getInt("to")).isEqualTo((int) restored);
                    assertThat(event.getDuration("nanos")).isPositive();
                });
    }

    private static MlxModel withDisk(Path folder) {
        return MlxModel.builder()
                .modelPath(DemoModel.folder())
                .diskCache(folder.resolve("cache"), DiskLimits.ofBytes(1L << 28))
                .build();
    }

    private static void ask(MlxModel mlx) {
        MlxChatModel.builder()
                .model(mlx)
                .build()
                .chat(ChatRequest.builder()
                        .messages(UserMessage.from("Hello!"))
                        .parameters(MlxChatRequestParameters.builder()
                                .memoryId("ann")
                                .maxOutputTokens(2)
                                .build())
                        .build());
    }

    private static double counter(SimpleMeterRegistry registry, String name) {
        return registry.get(PREFIX + name).functionCounter().count();
    }

    private static double tokens(SimpleMeterRegistry registry, String kind) {
        return registry.get(PREFIX + "tokens").tag("kind", kind).counter().count();
    }
}
