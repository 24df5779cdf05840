package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.TokenIds;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Flight Recorder hears of a request: lookup, prefill, decode; and of the cache: folds and evictions. */
class FlightRecorderTest {
    private static final String PREFIX = "dev.langchain4j.mlx.";
    private static final int SYSTEM_TOKENS = 200;

    @TempDir
    Path folder;

    private static GenerationResult generate(MlxModel mlx, String conversation, int[] prompt) throws Exception {
        GenerationRequest request =
                new GenerationRequest(prompt, List.of(), conversation, Isolation.SHARED, Sampling.GREEDY, 4, List.of());
        return mlx.engine().submit(request, piece -> {}).result().get();
    }

    @Test
    void eachPartOfARequestIsAnEvent() throws Exception {
        Random random = new Random(3);
        int[] system = TokenIds.random(random, SYSTEM_TOKENS);
        Path file = folder.resolve("cache.jfr");
        GenerationResult last = null;
        try (Recording recording = new Recording();
                MlxModel mlx = MlxModel.builder()
                        .modelPath(DemoModel.folder())
                        .prefillChunkTokens(64)
                        .cacheLimits(CacheLimits.ofBytes(6L << 20))
                        .build()) {
            for (String event : List.of("Request", "CacheLookup", "Prefill", "Decode", "CacheFold", "CacheEviction")) {
                recording.enable(PREFIX + event).withoutThreshold();
            }
            recording.start();
            for (int i = 0; i < 6; i++) {
                int[] prompt = TokenIds.concat(system, TokenIds.random(random, 100));
                last = generate(mlx, "c" + i, prompt);
            }
            recording.stop();
            recording.dump(file);
        }
        List<RecordedEvent> events = RecordingFile.readAllEvents(file);

        assertThat(of(events, "CacheLookup")).hasSize(6);
        RecordedEvent lookup = of(events, "CacheLookup").toList().getLast();
        assertThat(lookup.getString("conversation")).isEqualTo("c5");
        assertThat(lookup.getInt("promptTokens")).isEqualTo(300);
        assertThat(lookup.getInt("resumePosition")).isEqualTo(last.cachedTokens());
        assertThat(lookup.getString("reason")).isEqualTo(last.plan().reason().name());

        RecordedEvent first = of(events, "Prefill").toList().getFirst();
        assertThat(first.getString("conversation")).isEqualTo("c0");
        assertThat(first.getInt("start")).isZero();
        assertThat(first.getInt("end"))
                .as("a short last chunk has the last token")
                .isEqualTo(300);
        assertThat(first.getInt("chunks")).isEqualTo(5);
        assertThat(first.getBoolean("cancelled")).isFalse();
        assertThat(of(events, "Prefill").toList().getLast().getInt("start")).isEqualTo(last.cachedTokens());

        RecordedEvent decode = of(events, "Decode").toList().getLast();
        assertThat(decode.getInt("generatedTokens")).isEqualTo(last.generated().length);
        assertThat(decode.getDuration("firstToken")).isPositive().isLessThanOrEqualTo(decode.getDuration());
        assertThat(decode.getDuration("longestStall")).isPositive().isLessThanOrEqualTo(decode.getDuration());
        assertThat(decode.getDouble("meanRows")).isEqualTo(1);
        assertThat(decode.getInt("maxRows")).isEqualTo(1);
        assertThat(decode.getString("endReason")).isEqualTo(last.end().name());

        assertThat(of(events, "Request")).hasSize(6);
        RecordedEvent request = of(events, "Request").toList().getLast();
        assertThat(request.getString("conversation")).isEqualTo("c5");
        assertThat(request.getInt("promptTokens")).isEqualTo(300);
        assertThat(request.getInt("generatedTokens")).isEqualTo(last.generated().length);
        assertThat(request.getDuration("queued")).isLessThan(request.getDuration());
        assertThat(request.getDuration("waitedForMemory")).isZero();
        assertThat(request.getDuration("running")).isPositive().isLessThanOrEqualTo(request.getDuration());
        assertThat(request.getString("endReason")).isEqualTo(last.end().name());

        assertThat(of(events, "CacheFold")).isNotEmpty().allSatisfy(fold -> assertThat(fold.getInt("tokens"))
                .isPositive());
        assertThat(of(events, "CacheEviction")).isNotEmpty().allSatisfy(eviction -> {
            assertThat(eviction.getLong("bytesFreed")).isPositive();
            assertThat(eviction.getString("limit")).isEqualTo("bytes");
        });
    }

    private static Stream<RecordedEvent> of(List<RecordedEvent> events, String name) {
        return events.stream()
                .filter(event -> event.getEventType().getName().equals(PREFIX + name))
                .sorted((a, b) -> a.getStartTime().compareTo(b.getStartTime()));
    }
}
