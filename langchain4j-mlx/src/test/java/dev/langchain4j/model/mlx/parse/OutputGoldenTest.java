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
 * Whole outputs: what a model writes and what the application gets, in one piece and character by character. Cases of
 * public reports (outputs.jsonl), and of this project for every format (own-outputs.jsonl, same layout).
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
            String failure;
            try {
                failure = compare(
                        golden,
                        read(golden, format, output, step, golden.get("cut").asBoolean()));
            } catch (AssertionError e) {
                failure = e.getMessage();
            }
            if (failure != null) {
                return "pieces of " + step + ": " + failure;
            }
        }
        return null;
    }

    private static Recorder read(JsonNode golden, ToolCallFormat format, String output, int step, boolean cut) {
        Recorder recorder = new Recorder();
        OutputParser parser = OutputParser.builder(recorder)
                .toolCalls(format.reading(), ToolCallGoldenTest.schemas(golden.get("tools")))
                .reasoning(
                        reasoning(golden, format), golden.get("reasoning_open").asBoolean())
                .ids(Recorder.countingIds())
                .build();
        for (int i = 0; i < output.length(); i += step) {
            parser.accept(output.substring(i, Math.min(output.length(), i + step)));
        }
        parser.finish(cut);
        return recorder;
    }

    /** In every format and at every character: text before a call stays, the call is there or not, and no markup is. */
    @Test
    void a_call_that_a_limit_cuts_never_becomes_text() throws IOException {
        List<String> failures = new ArrayList<>();
        int cuts = 0;
        for (String line : Files.readAllLines(Path.of("src/test/resources/goldens/own-outputs.jsonl"))) {
            JsonNode golden = MAPPER.readTree(line);
            if (!golden.get("id").asText().startsWith("whole-")) {
                continue;
            }
            ToolCallFormat format =
                    ToolCallGoldenTest.format(golden.get("format").asText());
            String output = golden.get("output").asText();
            int name = output.lastIndexOf("weather");
            for (int end = 1; end < output.length(); end++) {
                // The name of a tool alone may be an answer, and a few letters may be a word.
                boolean word = Character.isLetter(output.charAt(end - 1))
                        && output.charAt(0) == 'L'
                        && end < name
                        && output.substring(0, end).matches("Let me look.\\n[a-zA-Z]+");
                if (!word && (format != ToolCallFormat.GENERIC || end > name + "weather".length())) {
                    cuts++;
                    Recorder cut = read(golden, format, output.substring(0, end), end, true);
                    boolean ok = golden.get("text")
                                    .asText()
                                    .startsWith(cut.text.toString().strip())
                            && cut.calls.size() <= 1
                            && (end < name
                                    || cut.text
                                            .toString()
                                            .strip()
                                            .equals(golden.get("text").asText()))
                            && cut.summary()
                                    .equals(read(golden, format, output.substring(0, end), 1, true)
                                            .summary());
                    if (!ok) {
                        failures.add(
                                format + " cut at " + end + ", " + output.substring(0, end) + ": " + cut.summary());
                    }
                }
            }
        }
        failures.forEach(System.out::println);
        assertThat(cuts).isGreaterThan(1000);
        assertThat(failures).isEmpty();
    }

    /**
     * The format that a case names: {@code think} for its tags, else by our names; Harmony reads calls and reasoning.
     */
    private static ReasoningFormat reasoning(JsonNode golden, ToolCallFormat format) {
        if (format == ToolCallFormat.HARMONY) {
            return ReasoningFormat.HARMONY;
        }
        JsonNode name = golden.path("reasoning");
        return name.isTextual()
                ? ReasoningFormat.valueOf(name.asText().toUpperCase(java.util.Locale.ROOT))
                : ReasoningFormat.NONE;
    }

    private static String compare(JsonNode golden, Recorder recorder) throws IOException {
        boolean same = recorder.text
                        .toString()
                        .strip()
                        .equals(golden.get("text").asText().strip())
                && recorder.thinking
                        .toString()
                        .strip()
                        .equals(golden.get("thinking").asText().strip())
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
