package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.parse.OutputParser;
import dev.langchain4j.model.mlx.parse.OutputSink;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Calls that a chat template writes into a prompt are read back as the same calls by the parser that is chosen from the
 * template. {@code -Dgoldens=DIR} does it with all templates there that know tools, and prints the share; what is left
 * out are templates that write calls in a way that cannot be read back, and formats that are not known.
 */
class CallRoundTripTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String RESULT = "RESULT77";
    private static final List<List<String>> CALLS = List.of(
            List.of("{\"city\":\"Paris\"}"),
            List.of(
                    "{\"city\":\"São \\\"Paulo\\\"\",\"days\":3,\"options\":{\"a\":[1,true,null],\"b\":\"x y\"},\"on\":true}"),
            List.of("{}"),
            List.of("{\"city\":\"Paris\"}", "{\"city\":\"Rome\",\"days\":2}"));

    @TempDir
    Path folder;

    @Test
    void callsOfATemplateAreReadBack() throws IOException {
        Map<String, String> templates = new LinkedHashMap<>(OwnTemplates.ALL);
        templates.put("fallback", FallbackTemplate.CHATML.source());
        boolean goldens = !System.getProperty("goldens", "").isEmpty();
        if (goldens) {
            Path path = Goldens.folder("templates");
            for (JsonNode entry : JSON.readTree(path.resolve("manifest.json").toFile())) {
                templates.put(
                        entry.get("name").asText(),
                        Files.readString(path.resolve(entry.get("file").asText())));
            }
        }
        int same = 0;
        int all = 0;
        for (Map.Entry<String, String> template : templates.entrySet()) {
            for (List<String> calls : CALLS) {
                Boolean read = readBack(template.getValue(), calls);
                if (read != null) {
                    all++;
                    same += read ? 1 : 0;
                    if (!read) {
                        System.out.println(template.getKey() + " does not give back " + calls);
                    }
                }
            }
        }
        System.out.printf("round trip: %d of %d calls of templates are read back%n", same, all);
        assertThat(same).isGreaterThanOrEqualTo(goldens ? all * 98 / 100 : all);
        assertThat(all).isPositive();
    }

    /** Whether the calls come back; null if the template has no place for tools, or shows no more than one call. */
    private Boolean readBack(String source, List<String> calls) throws IOException {
        ChatTemplate template = ChatTemplate.load(folder, source, token -> false);
        if (calls.size() > 1 && !template.abilities(true).calls().several()) {
            return null;
        }
        String before;
        String after;
        try {
            before = template.render(messages(List.of()), tools(), Map.of()).text();
            after = template.render(messages(calls), tools(), Map.of()).text();
        } catch (LangChain4jException e) {
            return null;
        }
        List<JsonNode> read = read(source, written(before, after));
        List<JsonNode> wanted = new ArrayList<>();
        for (String call : calls) {
            wanted.add(JSON.readTree(call));
        }
        return read.equals(wanted);
    }

    /** What the template wrote for the calls: from the end of the prompt, or of the question, to the last result. */
    private static String written(String before, String after) {
        int start = 0;
        while (start < Math.min(before.length(), after.length()) && before.charAt(start) == after.charAt(start)) {
            start++;
        }
        if (start < before.length()) {
            start = after.indexOf("hello there") + "hello there".length();
        }
        int end = after.lastIndexOf(RESULT);
        return after.substring(start, Math.max(start, end));
    }

    private static List<JsonNode> read(String source, String output) {
        List<JsonNode> arguments = new ArrayList<>();
        OutputSink sink = new OutputSink() {
            @Override
            public void text(String piece) {}

            @Override
            public void thinking(String piece) {}

            @Override
            public void partialToolCall(int index, String id, String name, String argumentsPiece) {}

            @Override
            public void toolCall(int index, String id, String name, String json) {
                if (!name.equals("get_weather")) {
                    throw new AssertionError(name);
                }
                try {
                    arguments.add(JSON.readTree(json));
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            }
        };
        try {
            OutputParser parser = OutputParser.builder(sink)
                    .reasoning(ReasoningFormat.detect(source), false)
                    .toolCalls(
                            ToolCallFormat.detect(source).reading(),
                            ToolSchemas.of(Map.of("get_weather", JSON.valueToTree(schema()))))
                    .build();
            parser.accept(output);
            parser.finish();
        } catch (AssertionError wrongName) {
            return List.of();
        }
        return arguments;
    }

    private static List<Map<String, Object>> messages(List<String> calls) throws IOException {
        List<Map<String, Object>> messages = new ArrayList<>();
        messages.add(map("role", "user", "content", "hello there"));
        List<Object> written = new ArrayList<>();
        for (int i = 0; i < calls.size(); i++) {
            Map<String, Object> arguments =
                    JSON.readValue(calls.get(i), new TypeReference<LinkedHashMap<String, Object>>() {});
            Map<String, Object> function = map("name", "get_weather", "arguments", arguments);
            written.add(map("id", "call7zq1" + i, "type", "function", "function", function));
        }
        if (!calls.isEmpty()) {
            messages.add(map("role", "assistant", "content", "", "tool_calls", written));
        }
        for (int i = 0; i < calls.size(); i++) {
            messages.add(map("role", "tool", "content", RESULT, "name", "get_weather", "tool_call_id", "call7zq1" + i));
        }
        return messages;
    }

    private static List<Map<String, Object>> tools() {
        return List.of(map(
                "type",
                "function",
                "function",
                map("name", "get_weather", "description", "weather", "parameters", schema())));
    }

    private static Map<String, Object> schema() {
        Map<String, Object> properties = map(
                "city", map("type", "string"),
                "days", map("type", "integer"),
                "options", map("type", "object"),
                "on", map("type", "boolean"));
        return map("type", "object", "properties", properties, "required", List.of("city"));
    }

    private static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }
}
