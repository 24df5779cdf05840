package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.jinja.Template;
import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateLimits;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Renders every template of a folder in every context and compares with what Python's Jinja gave: outputs and the
 * words of raise_exception to the letter, of other errors that there is one. {@code -Dgoldens=DIR} names another
 * folder with a {@code templates} folder in it.
 */
class TemplateGoldenTest {

    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.USE_BIG_INTEGER_FOR_INTS);
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2025-07-26T14:05:09Z"), ZoneOffset.UTC);

    private enum Outcome {
        OUTPUT("outputs"),
        RAISED("raise_exception messages"),
        ERROR("other errors");

        final String title;

        Outcome(String title) {
            this.title = title;
        }
    }

    @Test
    void rendersLikeThePythonReference() throws IOException, URISyntaxException {
        Path folder = folder();
        Map<String, Map<String, Object>> contexts =
                JSON.readValue(folder.resolve("contexts.json").toFile(), new TypeReference<>() {});
        Map<String, String> sources = new HashMap<>();
        for (JsonNode entry : JSON.readTree(folder.resolve("manifest.json").toFile())) {
            Path file = folder.resolve(entry.get("file").asText());
            sources.put(entry.get("name").asText(), Files.readString(file));
        }

        Map<Outcome, Integer> passed = new EnumMap<>(Outcome.class);
        Map<Outcome, Integer> total = new EnumMap<>(Outcome.class);
        List<String> failures = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve("cases.jsonl"))) {
            JsonNode test = JSON.readTree(line);
            Outcome kind = test.has("out")
                    ? Outcome.OUTPUT
                    : test.get("err").asText().equals("TemplateError") ? Outcome.RAISED : Outcome.ERROR;
            String source = sources.get(test.get("t").asText());
            String failure =
                    failure(kind, test, source, contexts.get(test.get("c").asText()));
            total.merge(kind, 1, Integer::sum);
            if (failure == null) {
                passed.merge(kind, 1, Integer::sum);
            } else {
                failures.add(test.get("t").asText() + " / " + test.get("c").asText() + ": " + failure);
            }
        }

        int allPassed = 0;
        int all = 0;
        failures.forEach(System.out::println);
        for (Outcome kind : Outcome.values()) {
            System.out.printf("%s: %d of %d%n", kind.title, passed.getOrDefault(kind, 0), total.getOrDefault(kind, 0));
            allPassed += passed.getOrDefault(kind, 0);
            all += total.getOrDefault(kind, 0);
        }
        System.out.printf("golden TemplateGoldenTest: %d of %d passed%n", allPassed, all);
        assertThat(all).isPositive();
        assertThat(failures).isEmpty();
    }

    private static Path folder() throws URISyntaxException {
        String goldens = System.getProperty("goldens", "");
        if (!goldens.isEmpty()) {
            return Path.of(goldens, "templates");
        }
        URI own = TemplateGoldenTest.class
                .getResource("/goldens/templates/cases.jsonl")
                .toURI();
        return Path.of(own).getParent();
    }

    /** What is wrong with a case, or null. */
    private static String failure(Outcome kind, JsonNode test, String source, Map<String, Object> context) {
        String output;
        try {
            output = Template.compile(source, TemplateLimits.DEFAULT, CLOCK)
                    .render(context)
                    .text();
        } catch (TemplateException e) {
            return switch (kind) {
                case OUTPUT -> "failed with " + e.getMessage();
                case RAISED ->
                    e.kind() == TemplateException.Kind.RAISED
                                    && e.words().equals(test.get("msg").asText())
                            ? null
                            : "said " + e.getMessage() + "\n  not "
                                    + test.get("msg").asText();
                case ERROR -> null;
            };
        }
        if (kind != Outcome.OUTPUT) {
            return "gave an output, not " + test.get("err").asText() + ": "
                    + test.get("msg").asText();
        }
        String expected = test.get("out").asText();
        return output.equals(expected) ? null : difference(output, expected);
    }

    private static String difference(String output, String expected) {
        int at = 0;
        while (at < Math.min(output.length(), expected.length()) && output.charAt(at) == expected.charAt(at)) {
            at++;
        }
        return "differs at " + at + ":\n  gave " + excerpt(output, at) + "\n  not  " + excerpt(expected, at);
    }

    private static String excerpt(String text, int at) {
        return text.substring(Math.max(0, at - 20), Math.min(text.length(), at + 40))
                .replace("\n", "\\n");
    }
}
