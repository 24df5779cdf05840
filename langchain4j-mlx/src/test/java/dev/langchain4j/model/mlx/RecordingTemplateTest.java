package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.testing.DemoModel;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.text.ParseException;
import java.util.Set;
import java.util.TreeSet;
import jdk.jfr.Configuration;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordingTemplateTest {
    private static final String PREFIX = "dev.langchain4j.mlx.";

    @Test
    void theTemplateRecordsWhatARequestCosts(@TempDir Path folder) throws IOException, ParseException {
        Path file = folder.resolve("run.jfr");
        try (Reader template =
                        new InputStreamReader(MlxModel.class.getResourceAsStream("mlx.jfc"), StandardCharsets.UTF_8);
                Recording recording = new Recording(Configuration.create(template))) {
            recording.start();
            try (MlxModel mlx = MlxModel.load(DemoModel.folder())) {
                MlxChatModel.builder().model(mlx).temperature(0.0).build().chat("Hello!");
            }
            recording.stop();
            recording.dump(file);
        }
        Set<String> names = new TreeSet<>();
        RecordingFile.readAllEvents(file)
                .forEach(event -> names.add(event.getEventType().getName()));
        assertThat(names).contains(PREFIX + "Request", PREFIX + "CacheLookup", PREFIX + "Prefill", PREFIX + "Decode");
    }

    @Test
    void theTemplateNamesEveryEvent() throws IOException, ParseException {
        try (Reader template =
                new InputStreamReader(MlxModel.class.getResourceAsStream("mlx.jfc"), StandardCharsets.UTF_8)) {
            assertThat(Configuration.create(template).getSettings().keySet())
                    .contains(
                            PREFIX + "Request#enabled",
                            PREFIX + "CacheLookup#enabled",
                            PREFIX + "Prefill#enabled",
                            PREFIX + "Decode#enabled",
                            PREFIX + "RejectedToolCall#enabled",
                            PREFIX + "CacheRestore#enabled",
                            PREFIX + "CacheEviction#enabled",
                            PREFIX + "CacheFold#enabled");
        }
    }
}
