package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.testing.DemoModel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Output that began like a tool call but is not one: a warning once, a counter, an event. */
class RejectedCallsTest {

    @Test
    void each_is_an_event_and_counted(@TempDir Path folder) throws IOException {
        RejectedCalls rejected = new RejectedCalls("a-model");
        try (Recording recording = new Recording()) {
            recording.enable("dev.langchain4j.mlx.RejectedToolCall");
            recording.start();
            rejected.add("<tool_call>{", "the output ended inside of a tool call");
            rejected.add("<tool_call>[", "'{' expected");
            recording.stop();
            recording.dump(folder.resolve("run.jfr"));
        }
        assertThat(rejected.count()).isEqualTo(2);
        List<RecordedEvent> events = RecordingFile.readAllEvents(folder.resolve("run.jfr"));
        assertThat(events).hasSize(2);
        assertThat(events.getLast().getString("model")).isEqualTo("a-model");
        assertThat(events.getLast().getString("reason")).isEqualTo("'{' expected");
        assertThat(events.getLast().getInt("characters")).isEqualTo(12);
    }

    @Test
    void the_first_of_a_model_is_a_warning_without_its_text() {
        PrintStream err = System.err;
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
        try {
            RejectedCalls rejected = new RejectedCalls("loud-model");
            rejected.add("<tool_call>secret", "no call between the tags");
            rejected.add("<tool_call>secret", "no call between the tags");
        } finally {
            System.setErr(err);
        }
        String text = log.toString(StandardCharsets.UTF_8);
        assertThat(text.split("loud-model", -1)).as(text).hasSize(2);
        assertThat(text).contains("no call between the tags").doesNotContain("secret");
    }

    @Test
    void metrics_count_them() {
        try (MlxModel mlx = MlxModel.load(DemoModel.folder())) {
            SimpleMeterRegistry registry = new SimpleMeterRegistry();
            new MlxMetrics(mlx).bindTo(registry);
            mlx.rejectedCalls().add("<tool_call>", "no call between the tags");
            assertThat(registry.get("langchain4j.mlx.calls.rejected")
                            .tag("model", mlx.name())
                            .functionCounter()
                            .count())
                    .isEqualTo(1);
        }
    }
}
