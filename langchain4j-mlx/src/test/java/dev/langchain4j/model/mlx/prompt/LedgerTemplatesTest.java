package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.mlx.prompt.ToolLoop.Outcome;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Plays tool loops through chat templates, with turns that are spelled as models spell them: odd spacing and order of
 * keys, escapes, tokens cut anywhere. Each round must begin with exactly the tokens of the round before it, prompt and
 * answer. Excused is only where the template itself drops or rewrites something, which its plain text shows.
 *
 * <p>Plays the templates of this project, and with {@code -Dgoldens=DIR} all of {@code DIR/templates}, or those whose
 * name {@code -Dtemplates=REGEX} finds.
 */
class LedgerTemplatesTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern FAMILIES =
            Pattern.compile("(?i).*(qwen3|llama-?3\\.?1|mistral|mixtral|ministral|devstral|^own-|^demo$).*");

    private static final ToolSpecification TRIP = ToolSpecification.builder()
            .name("plan_trip")
            .description("Plans a trip")
            .parameters(JsonObjectSchema.builder()
                    .addStringProperty("city")
                    .addIntegerProperty("days")
                    .addNumberProperty("ratio")
                    .addBooleanProperty("direct")
                    .addProperty("options", JsonObjectSchema.builder().build())
                    .addStringProperty("note")
                    .build())
            .build();
    private static final ToolSpecification PING = ToolSpecification.builder()
            .name("ping")
            .description("Pings")
            .parameters(JsonObjectSchema.builder().addStringProperty("note").build())
            .build();
    private static final List<ToolSpecification> TOOLS = List.of(TRIP, PING);

    private static final String NESTED = "{\"city\":\"Zürich – 東京 🙂\",\"days\":3,\"ratio\":0.25,\"direct\":true,"
            + "\"options\":{\"b\":[1,2,{\"c\":null}],\"q\":\"say \\\"hi\\\" a/b \\\\ end\",\"ä\":{}},\"note\":\"ZQX-1\"}";
    private static final String SIMPLE = "{\"note\":\"ZQX-1\"}";
    private static final String TEXT = "Let me look – für dich. ZQX-1";
    private static final String THOUGHT = "They want a plan.\nSo I call a tool.";

    private record Scenario(String name, String thinking, String text, List<String> calls) {}

    private static final List<Scenario> SCENARIOS = List.of(
            new Scenario("a call", null, null, List.of(NESTED)),
            new Scenario("a small call", null, null, List.of(SIMPLE)),
            new Scenario("two calls", null, null, List.of(SIMPLE, NESTED)),
            new Scenario("calls at once", null, null, List.of(NESTED, SIMPLE, NESTED)),
            new Scenario("text and a call", null, TEXT, List.of(NESTED)),
            new Scenario("reasoning and a call", THOUGHT, null, List.of(NESTED)),
            new Scenario("reasoning, text and calls", THOUGHT, TEXT, List.of(SIMPLE, NESTED)),
            new Scenario("an answer", null, TEXT, List.of()),
            new Scenario("reasoning and an answer", THOUGHT, TEXT, List.of()));

    private static final class Tally {
        final Map<Outcome, Integer> counts = new EnumMap<>(Outcome.class);
        final List<String> details = new ArrayList<>();

        void add(Outcome outcome) {
            counts.merge(outcome, 1, Integer::sum);
        }

        int of(Outcome outcome) {
            return counts.getOrDefault(outcome, 0);
        }

        int eligible() {
            return of(Outcome.FULL_HIT) + of(Outcome.MISS) + of(Outcome.UNREAD);
        }
    }

    @TempDir
    Path folder;

    @Test
    void everyRoundBeginsWithTheTokensOfTheOneBefore() throws IOException {
        Map<String, Tally> tallies = new TreeMap<>();
        Pattern chosen = Pattern.compile(System.getProperty("templates", ""));
        for (Map.Entry<String, String> template : templates().entrySet()) {
            if (!chosen.matcher(template.getKey()).find()) {
                continue;
            }
            Tally tally = new Tally();
            tallies.put(template.getKey(), tally);
            try (TemplateModel model = new TemplateModel(template.getValue(), folder)) {
                long seed = template.getKey().hashCode();
                for (Scenario scenario : SCENARIOS) {
                    boolean all =
                            goldens() && FAMILIES.matcher(template.getKey()).matches();
                    // Four variants have each bit on and off twice.
                    int step = all ? 1 : 5;
                    for (int variant = 0; variant < 16; variant += step) {
                        play(model, scenario, variant, new Random(seed++), tally);
                    }
                }
            } catch (InvalidRequestException | UnsupportedFeatureException e) {
                tally.add(Outcome.REFUSES);
            }
        }
        report(tallies);
        tallies.forEach((name, tally) -> {
            if (FAMILIES.matcher(name).matches()) {
                assertThat(tally.details).as(name).isEmpty();
            }
        });
        assertThat(tallies.values().stream()
                        .mapToInt(tally -> tally.of(Outcome.FULL_HIT))
                        .sum())
                .isPositive();
    }

    private static boolean goldens() {
        return !System.getProperty("goldens", "").isEmpty();
    }

    private static Map<String, String> templates() throws IOException {
        Map<String, String> templates = new LinkedHashMap<>();
        templates.put("demo", Files.readString(DemoModel.folder().resolve("chat_template.jinja")));
        OwnTemplates.ALL.forEach((name, source) -> templates.put("own-" + name, source));
        if (goldens()) {
            Path folder = Goldens.folder("templates");
            for (JsonNode entry : JSON.readTree(folder.resolve("manifest.json").toFile())) {
                templates.put(
                        entry.get("name").asText(),
                        Files.readString(folder.resolve(entry.get("file").asText())));
            }
        }
        return templates;
    }

    private static void report(Map<String, Tally> tallies) {
        int[] family = new int[2];
        int[] all = new int[2];
        tallies.forEach((name, tally) -> {
            boolean inFamily = FAMILIES.matcher(name).matches();
            if (inFamily || tally.eligible() != tally.of(Outcome.FULL_HIT)) {
                System.out.println(name + ": " + tally.counts);
                tally.details.stream().limit(3).forEach(detail -> System.out.println("    " + detail));
            }
            all[0] += tally.of(Outcome.FULL_HIT);
            all[1] += tally.eligible();
            if (inFamily) {
                family[0] += tally.of(Outcome.FULL_HIT);
                family[1] += tally.eligible();
            }
        });
        long whole = tallies.values().stream()
                .filter(tally -> tally.eligible() > 0 && tally.eligible() == tally.of(Outcome.FULL_HIT))
                .count();
        long eligible =
                tallies.values().stream().filter(tally -> tally.eligible() > 0).count();
        System.out.printf("ledger: families: %d of %d rounds are full hits%n", family[0], family[1]);
        System.out.printf("ledger: all templates: %d of %d rounds are full hits%n", all[0], all[1]);
        System.out.printf("ledger: %d of %d templates have full hits only%n", whole, eligible);
    }

    /**
     * The variant's bits: a system message; reasoning given back; reasoning switched off; IDs left out by the model.
     */
    private void play(TemplateModel model, Scenario scenario, int variant, Random random, Tally tally) {
        if (scenario.calls.size() > 1 && !model.showsCallsAtOnce()) {
            tally.add(Outcome.REFUSES);
            return;
        }
        ToolLoop loop = new ToolLoop(model, scenario.calls.isEmpty() ? List.of() : TOOLS, variant, random);
        for (int round = 0; round < 3; round++) {
            ToolLoop.Round played;
            try {
                AiMessage intended = intended(scenario, random);
                played = loop.play(intended, following(intended, round));
            } catch (InvalidRequestException | UnsupportedFeatureException e) {
                played = new ToolLoop.Round(Outcome.REFUSES, false, "");
            }
            tally.add(played.outcome());
            if (!played.problem().isEmpty()) {
                tally.details.add(
                        "%s, variant %d, round %d: %s".formatted(scenario.name, variant, round, played.problem()));
            }
            if (!played.goesOn()) {
                return;
            }
        }
    }

    private static AiMessage intended(Scenario scenario, Random random) {
        List<ToolExecutionRequest> calls = new ArrayList<>();
        for (String arguments : scenario.calls) {
            calls.add(ToolExecutionRequest.builder()
                    .id("Cal" + (100_000 + random.nextInt(900_000)))
                    .name(arguments.equals(SIMPLE) ? "ping" : "plan_trip")
                    .arguments(arguments)
                    .build());
        }
        AiMessage.Builder message = AiMessage.builder().toolExecutionRequests(calls);
        if (scenario.text != null) {
            message.text(scenario.text);
        }
        if (scenario.thinking != null) {
            message.thinking(scenario.thinking);
        }
        return message.build();
    }

    private static List<ChatMessage> following(AiMessage message, int round) {
        if (!message.hasToolExecutionRequests()) {
            return List.of(UserMessage.from("And then, in round " + round + "?"));
        }
        List<ChatMessage> results = new ArrayList<>();
        for (ToolExecutionRequest call : message.toolExecutionRequests()) {
            results.add(ToolExecutionResultMessage.from(call, "{\"round\": " + round + ", \"ok\": \"ä\"}"));
        }
        return results;
    }
}
