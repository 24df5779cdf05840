package dev.langchain4j.model.mlx.parse;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Whole outputs: what a model writes and what the application gets, in one piece and character by character. Cases of public
 * reports (outputs.jsonl), and of this project for every format (own-outputs.jsonl, same layout).
 */
class OutputGoldenTest {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    @Test
    void every_case_reaches_the_application_as_it_should() throws IOException {
        String goldens = System.getProperty("goldens", "");
        Path copies = Path.of("src/test/resources/goldens");
        List<String> lines = new ArrayList<>();
        lines.addAll(Files.readAllLines((goldens.isEmpty() ? copies : Path.of(goldens)).resolve("outputs.jsonl")));
        lines.addAll(Files.readAllLines(copies.resolve("own-outputs.jsonl")));
        lines.removeIf(String::isBlank);
        List<String> failures = new ArrayList<>();
        for (String line : lines) {
            JsonNode golden = MAPPER.readTree(line);
            String failure = check(golden);
            if (failure != null) {
                failures.add(golden.path("id").asText() + ": " + failure);
            }
        }
        failures.forEach(System.out::println);
        System.out.printf("golden OutputGoldenTest: %d of %d passed%n", lines.size() - failures.size(), lines.size());
        assertThat(lines).isNotEmpty();
        assertThat(failures).isEmpty();
    }

    /** What is wrong, or null. */
    private static String check(JsonNode golden) throws IOException {
        ToolCallFormat format = ToolCallGoldenTest.format(golden.get("format").asText());
        if (format == null) {
            return "unknown format " + golden.get("format");
        }
        String output = golden.get("output").asText();
        for (int step : new int[] {Math.max(1, output.length()), 1}) {
            Recorder recorder = new Recorder();
            OutputParser parser = OutputParser.builder(recorder)
                    .toolCalls(format.reading(), ToolCallGoldenTest.schemas(golden.get("tools")))
                    .reasoning(reasoning(golden, format), golden.get("reasoning_open").asBoolean())
                    .ids(Recorder.countingIds())
                    .build();
            String failure;
            try {
                for (int i = 0; i < output.length(); i += step) {
                    parser.accept(output.substring(i, Math.min(output.length(), i + step)));
                }
                parser.finish(golden.get("cut").asBoolean());
                failure = compare(golden, recorder);
            } catch (AssertionError e) {
                failure = e.getMessage();
            }
            if (failure != null) {
                return "pieces of " + step + ": " + failure;
            }
        }
        return null;
    }

    /** The format that a case names: {@code think} for its tags, else by our names; Harmony reads calls and reasoning. */
    private static ReasoningFormat reasoning(JsonNode golden, ToolCallFormat format) {
        if (format == ToolCallFormat.HARMONY) {
            return ReasoningFormat.HARMONY;
        }
        JsonNode name = golden.path("reasoning");
        return name.isTextual() ? ReasoningFormat.valueOf(name.asText().toUpperCase(java.util.Locale.ROOT)) : ReasoningFormat.NONE;
    }

    private static String compare(JsonNode golden, Recorder recorder) throws IOException {
        boolean same = recorder.text.toString().strip().equals(golden.get("text").asText().strip())
                && recorder.thinking.toString().strip().equals(golden.get("thinking").asText().strip())
                && recorder.calls.size() == golden.get("calls").size();
        for (int i = 0; same && i < recorder.calls.size(); i++) {
            Recorder.Call call = recorder.calls.get(i);
            JsonNode expected = golden.get("calls").get(i);
            same = call.index() == i
                    && call.name().equals(expected.get("name").asText())
                    && MAPPER.readTree(call.arguments()).equals(expected.get("arguments"))
                    && recorder.partials.get(call.id()).toString().equals(call.arguments());
        }
        return same
                ? null
                : "expected text=" + golden.get("text") + " thinking=" + golden.get("thinking") + " calls="
                        + golden.get("calls") + " but was " + recorder.summary();
    }
}
