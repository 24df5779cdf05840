package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.CustomMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.mlx.MlxChatRequestParameters;
import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A prompt is the same text in every start of the JVM, though {@code Map.of} has another order in each. */
class PromptOrderTest {
    private static final int STARTS = 6;
    private static final String TEMPLATE = """
            {{- tools | tojson }}
            {{- documents | tojson }}{{ (settings or {}) | tojson }}{% for tag in tags %}{{ tag }} {% endfor -%}
            {%- for m in messages %}{{ m | tojson }}
            {% endfor -%}
            """;

    /** Prints a prompt, for {@link #theSameInEveryStartOfTheJvm}. */
    public static final class Start {
        private Start() {}

        public static void main(String[] arguments) throws IOException {
            System.out.print(text(Path.of(arguments[0])));
        }
    }

    private static String text(Path folder) throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), TEMPLATE);
        ToolSpecification bare =
                ToolSpecification.builder().name("now").description("The time").build();
        ToolSpecification ordered = ToolSpecification.builder()
                .name("book")
                .parameters(JsonObjectSchema.builder()
                        .addStringProperty("z")
                        .addProperty(
                                "a",
                                JsonRawSchema.from(
                                        "{\"type\":\"string\",\"minLength\":1,\"description\":\"x\",\"enum\":[\"q\",\"b\"]}"))
                        .addIntegerProperty("m")
                        .required("z", "a")
                        .build())
                .build();
        Map<String, Object> arguments = MlxChatRequestParameters.builder()
                .templateArguments(Map.of(
                        "documents",
                        List.of(Map.of("title", "one", "text", "1", "url", "u", "page", 1)),
                        "settings",
                        Map.of("x", Map.of("d", 1, "c", 2, "b", 3), "y", "<|im_end|>", "k", 1, "a", 2),
                        "tags",
                        Set.of("three", "one", "two", "four")))
                .build()
                .templateArguments();
        RenderResult rendered = ChatTemplate.load(folder)
                .render(
                        MessageMapper.map(List.of(
                                UserMessage.from("hello"),
                                CustomMessage.from(Map.of(
                                        "role", "user", "content", "hi", "more", Map.of("p", 1, "o", 2, "n", 3))))),
                        ToolMapper.map(List.of(ordered, bare)),
                        arguments);
        return rendered.text();
    }

    @TempDir
    Path folder;

    @Test
    void theSameInEveryStartOfTheJvm() throws IOException, InterruptedException {
        Set<String> texts = new HashSet<>(Set.of(text(folder)));
        for (int start = 0; start < STARTS; start++) {
            Path out = folder.resolve("out" + start);
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xshare:" + (start % 2 == 0 ? "off" : "auto"),
                            "-XX:TieredStopAtLevel=1",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Start.class.getName(),
                            folder.toString())
                    .redirectOutput(out.toFile())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isZero();
            texts.add(Files.readString(out));
        }
        assertThat(texts).hasSize(1);
    }

    @Test
    void whatHasAnOrderKeepsIt() throws IOException {
        assertThat(text(folder))
                .contains("\"properties\": {\"z\": {\"type\": \"string\"}, \"a\"")
                .contains("\"minLength\": 1, \"description\": \"x\", \"enum\": [\"q\", \"b\"]")
                .containsSubsequence("\"book\"", "\"now\"")
                .contains("\"parameters\": {\"type\": \"object\", \"properties\": {}}");
    }
}
