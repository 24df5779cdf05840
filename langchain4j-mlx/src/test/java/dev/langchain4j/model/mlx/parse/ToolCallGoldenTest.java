package dev.langchain4j.model.mlx.parse;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Every case of tool-calls.jsonl, in one piece and character by character. */
class ToolCallGoldenTest {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** The parsers of mlx-lm, and further names of outputs.jsonl. */
    private static final Map<String, ToolCallFormat> FORMATS = Map.ofEntries(
            Map.entry("json_tools", ToolCallFormat.HERMES),
            Map.entry("mistral", ToolCallFormat.MISTRAL),
            Map.entry("pythonic", ToolCallFormat.PYTHONIC),
            Map.entry("qwen3_coder", ToolCallFormat.QWEN3_CODER),
            Map.entry("glm47", ToolCallFormat.GLM),
            Map.entry("laguna", ToolCallFormat.GLM),
            Map.entry("kimi_k2", ToolCallFormat.KIMI_K2),
            Map.entry("kimi_k3", ToolCallFormat.KIMI_K3),
            Map.entry("minimax_m2", ToolCallFormat.MINIMAX_M2),
            Map.entry("minicpm5", ToolCallFormat.MINICPM5),
            Map.entry("muse_spark", ToolCallFormat.MUSE_SPARK),
            Map.entry("gemma4", ToolCallFormat.GEMMA4),
            Map.entry("function_gemma", ToolCallFormat.FUNCTION_GEMMA),
            Map.entry("longcat", ToolCallFormat.LONGCAT),
            Map.entry("llama_json", ToolCallFormat.LLAMA_JSON),
            Map.entry("harmony", ToolCallFormat.HARMONY),
            Map.entry("generic", ToolCallFormat.GENERIC));

    /** A format by its name in the goldens, or by ours; null for an unknown one. */
    static ToolCallFormat format(String name) {
        ToolCallFormat known = FORMATS.get(name);
        return known != null
                        || Arrays.stream(ToolCallFormat.values())
                                .noneMatch(f -> f.name().equals(name))
                ? known
                : ToolCallFormat.valueOf(name);
    }

    @Test
    void every_case_is_read_as_the_reference_says() throws IOException {
        List<String> lines = Files.readAllLines(file()).stream()
                .filter(line -> !line.isBlank())
                .toList();
        List<String> failures = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            JsonNode golden = MAPPER.readTree(lines.get(i));
            String failure = check(golden);
            if (failure != null) {
                failures.add("line " + (i + 1) + ", " + golden.path("format").asText() + ": " + failure);
            }
        }
        System.out.printf("golden ToolCallGoldenTest: %d of %d passed%n", lines.size() - failures.size(), lines.size());
        assertThat(lines).isNotEmpty();
        assertThat(failures).isEmpty();
    }

    private static Path file() {
        String goldens = System.getProperty("goldens", "");
        return !goldens.isEmpty()
                ? Path.of(goldens, "tool-calls.jsonl")
                : Path.of("src/test/resources/goldens/tool-calls.jsonl");
    }

    /** What is wrong, or null. */
    private static String check(JsonNode golden) throws IOException {
        ToolCallFormat format = format(golden.get("format").asText());
        if (format == null) {
            return "unknown format";
        }
        String output = golden.get("start").asText()
                + golden.get("text").asText()
                + golden.get("end").asText();
        for (int step : new int[] {output.length(), 1}) {
            Recorder recorder = new Recorder();
            OutputParser parser = OutputParser.builder(recorder)
                    .toolCalls(format.reading(), schemas(golden.get("tools")))
                    .ids(Recorder.countingIds())
                    .build();
            for (int i = 0; i < output.length(); i += step) {
                parser.accept(output.substring(i, Math.min(output.length(), i + step)));
            }
            parser.finish();
            String failure = compare(golden.get("calls"), recorder);
            if (failure != null) {
                return failure;
            }
        }
        return null;
    }

    private static String compare(JsonNode expected, Recorder recorder) throws IOException {
        if (!recorder.text.isEmpty() || recorder.calls.size() != expected.size()) {
            return "expected " + expected + " but was " + recorder.summary();
        }
        for (int i = 0; i < expected.size(); i++) {
            Recorder.Call call = recorder.calls.get(i);
            boolean same = call.name().equals(expected.get(i).get("name").asText())
                    && MAPPER.readTree(call.arguments()).equals(expected.get(i).get("arguments"));
            if (!same) {
                return "expected " + expected.get(i) + " but was " + call;
            }
        }
        return null;
    }

    static ToolSchemas schemas(JsonNode tools) {
        Map<String, JsonNode> byName = new HashMap<>();
        for (JsonNode tool : tools) {
            JsonNode function = tool.get("function");
            byName.put(function.get("name").asText(), function.get("parameters"));
        }
        return ToolSchemas.of(byName);
    }
}
