package dev.langchain4j.model.mlx.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateLimits;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Small templates, each about one rule, over one context: semantics.jsonl holds what Jinja 3.1.6 under Python 3.11
 * gives for them, as the script {@code record_jinja.py} recorded it. Of errors, messages are compared where they are
 * the template's own or Jinja's.
 */
class SemanticsTest {

    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.USE_BIG_INTEGER_FOR_INTS);
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2025-07-26T14:05:09Z"), ZoneOffset.UTC);

    static Stream<Named<JsonNode>> snippets() {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(resource("semantics.jsonl"), StandardCharsets.UTF_8))) {
            List<Named<JsonNode>> cases = lines.lines()
                    .map(SemanticsTest::parse)
                    .map(node -> Named.of(
                            node.get("about").asText() + ": "
                                    + node.get("template").asText(),
                            node))
                    .toList();
            return cases.stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @MethodSource("snippets")
    void behavesLikePython(JsonNode snippet) throws IOException {
        Map<String, Object> context = JSON.readValue(resource("context.json"), new TypeReference<>() {});
        String source = snippet.get("template").asText();
        if (snippet.has("output")) {
            assertThat(render(source, context)).isEqualTo(snippet.get("output").asText());
            return;
        }
        TemplateException failure = catchThrowableOfType(TemplateException.class, () -> render(source, context));
        assertThat(failure).isNotNull();
        if (snippet.has("message")) {
            assertThat(failure.words()).isEqualTo(snippet.get("message").asText());
        }
    }

    private static String render(String source, Map<String, Object> context) {
        return Template.compile(source, TemplateLimits.DEFAULT, CLOCK)
                .render(context)
                .text();
    }

    private static InputStream resource(String name) {
        return SemanticsTest.class.getResourceAsStream(name);
    }

    private static JsonNode parse(String line) {
        try {
            return JSON.readTree(line);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
