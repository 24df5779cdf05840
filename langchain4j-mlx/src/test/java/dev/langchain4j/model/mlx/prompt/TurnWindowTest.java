package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.assertj.core.groups.Tuple;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A conversation that is too long loses its oldest turns, and nothing by halves. */
class TurnWindowTest {
    private static final String TEMPLATE =
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}"
                    + "<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
                    + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    @TempDir
    Path folder;

    private TemplateModel model;
    private PromptWriter writer;

    @BeforeEach
    void open() throws Exception {
        model = new TemplateModel(TEMPLATE, folder);
        writer = model.writer(new PromptLedger());
    }

    @AfterEach
    void close() {
        model.close();
    }

    private TurnWindow window(List<ChatMessage> messages, int tokensMax) {
        return TurnWindow.write(writer, model.request(messages, List.of(), null), tokensMax);
    }

    private int tokens(List<ChatMessage> messages) {
        return writer.write(model.request(messages, List.of(), null)).tokens().length;
    }

    private static AiMessage calling(String id) {
        return AiMessage.from(ToolExecutionRequest.builder()
                .id(id)
                .name("weather")
                .arguments("{\"city\":\"Lisbon\"}")
                .build());
    }

    private static ToolExecutionResultMessage result(String id) {
        return ToolExecutionResultMessage.from(id, "weather", "18 degrees, sunny, and a light wind from the sea");
    }

    private static String words(Random random, int most) {
        return "word ".repeat(1 + random.nextInt(most));
    }

    @Test
    void whatFitsIsLeftAlone() {
        List<ChatMessage> messages = List.of(SystemMessage.from("Be kind."), UserMessage.from("Hello"));
        TurnWindow window = window(messages, tokens(messages));
        assertThat(window.kept()).containsExactly(0, 1);
        assertThat(window.prompt().changes()).isEmpty();
    }

    @Test
    void theOldestTurnsGoWholeAndTheSystemMessageStays() {
        List<ChatMessage> messages = List.of(
                SystemMessage.from("Be kind."),
                UserMessage.from("What is the weather in Lisbon? " + "please ".repeat(20)),
                calling("1"),
                result("1"),
                AiMessage.from("It is sunny."),
                UserMessage.from("And tomorrow?"),
                calling("2"),
                result("2"),
                UserMessage.from("Hurry up!"),
                AiMessage.from("Sunny again."),
                UserMessage.from("Thanks"));
        TurnWindow window = window(messages, tokens(messages) - 1);
        assertThat(window.kept()).containsExactly(0, 5, 6, 7, 8, 9, 10);
        assertThat(window.prompt().changes())
                .extracting(MessageChange::message, MessageChange::kind)
                .containsExactlyElementsOf(dropped(1, 2, 3, 4));
        assertThat(window.prompt().text()).doesNotContain("please").contains("Be kind.", "And tomorrow?");
        assertThat(window.prompt().messages().getLast().index()).isEqualTo(10);
        assertThat(window.of(messages)).startsWith(messages.getFirst()).endsWith(messages.getLast());
    }

    private static List<Tuple> dropped(int... indices) {
        return Arrays.stream(indices)
                .mapToObj(i -> Tuple.tuple(i, MessageChange.Kind.DROPPED))
                .toList();
    }

    @Test
    void aUserWhoSpeaksBetweenACallAndItsResultBeginsNoTurn() {
        List<ChatMessage> messages = List.of(
                UserMessage.from("Weather? " + "please ".repeat(30)),
                calling("1"),
                UserMessage.from("Are you there?"),
                result("1"),
                AiMessage.from("Sunny."),
                UserMessage.from("Thanks"));
        assertThat(window(messages, tokens(messages) - 1).kept()).containsExactly(5);
    }

    @Test
    void theLastTurnStaysEvenIfItIsTooLong() {
        List<ChatMessage> messages = List.of(
                SystemMessage.from("Be kind."),
                UserMessage.from("Hello"),
                AiMessage.from("Hi"),
                UserMessage.from("Go on"));
        TurnWindow window = window(messages, 5);
        assertThat(window.kept()).containsExactly(0, 3);
        assertThat(window.prompt().tokens().length).isGreaterThan(5);
        assertThat(window(messages.subList(0, 2), 1).kept()).containsExactly(0, 1);
    }

    @Test
    void theBeginningStaysTheSameForSomeTurns() {
        List<ChatMessage> messages = new ArrayList<>(List.of(SystemMessage.from("Be kind.")));
        Random random = new Random(5);
        int tokensMax = 1200;
        Set<Integer> beginnings = new HashSet<>();
        int turns = 0;
        int before = 0;
        while (turns < 40) {
            messages.add(UserMessage.from(words(random, 20)));
            TurnWindow window = window(messages, tokensMax);
            assertThat(window.prompt().tokens().length).isLessThanOrEqualTo(tokensMax);
            int first = window.kept().length == 1 ? 1 : window.kept()[1];
            if (first > 1) {
                assertThat(first).isGreaterThanOrEqualTo(before);
                assertThat(window.prompt().tokens().length).isGreaterThan(tokensMax / 2);
                beginnings.add(first);
                before = first;
                turns++;
            }
            messages.add(AiMessage.from(words(random, 20)));
        }
        // a step of a quarter of the limit for as much as the conversation grew
        int growth = tokens(messages) - tokensMax;
        assertThat(beginnings).hasSizeBetween(2, growth / (tokensMax / 4) + 1);
    }

    @Test
    void whateverAConversationIsNothingStaysByHalves() {
        long seed = Seeds.seed(TurnWindowTest.class);
        Random random = new Random(seed);
        for (int round = 0; round < 60; round++) {
            List<ChatMessage> messages = conversation(random);
            int all = tokens(messages);
            int tokensMax = Math.max(1, all * (20 + random.nextInt(80)) / 100);
            TurnWindow window = window(messages, tokensMax);
            String what =
                    "seed %d, round %d: %s of %s".formatted(seed, round, Arrays.toString(window.kept()), messages);
            List<ChatMessage> kept = window.of(messages);
            List<ChatMessage> spoken =
                    messages.stream().filter(m -> !(m instanceof SystemMessage)).toList();
            List<ChatMessage> rest =
                    kept.stream().filter(m -> !(m instanceof SystemMessage)).toList();
            assertThat(kept.size() - rest.size()).as(what).isEqualTo(messages.size() - spoken.size());
            assertThat(rest).as(what).isEqualTo(spoken.subList(spoken.size() - rest.size(), spoken.size()));
            assertThat(kept.getLast()).as(what).isEqualTo(messages.getLast());
            for (ChatMessage message : rest) {
                if (message instanceof ToolExecutionResultMessage result && rest != spoken) {
                    assertThat(rest.stream().anyMatch(m -> m instanceof AiMessage ai && calls(ai, result.id())))
                            .as(what)
                            .isTrue();
                }
            }
            assertThat(window.prompt().changes().size()).as(what).isEqualTo(messages.size() - kept.size());
            boolean lastTurnOnly = rest.stream().skip(1).noneMatch(UserMessage.class::isInstance);
            assertThat(window.prompt().tokens().length <= tokensMax || lastTurnOnly)
                    .as(what)
                    .isTrue();
        }
    }

    private static boolean calls(AiMessage message, String id) {
        return message.toolExecutionRequests().stream().anyMatch(call -> id.equals(call.id()));
    }

    private static List<ChatMessage> conversation(Random random) {
        List<ChatMessage> all = new ArrayList<>();
        if (random.nextBoolean()) {
            all.add(SystemMessage.from(words(random, 10)));
        }
        int turns = 2 + random.nextInt(6);
        for (int turn = 0; turn < turns; turn++) {
            all.add(UserMessage.from(words(random, 15)));
            for (int call = random.nextInt(3); call > 0; call--) {
                String id = "t" + turn + "c" + call;
                all.add(calling(id));
                all.add(result(id));
            }
            if (turn < turns - 1) {
                all.add(AiMessage.from(words(random, 15)));
            }
        }
        return all;
    }
}
