package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.prompt.FittedMessages.Extent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of messages that are not in order, on templates that refuse them, each in a way of its own. */
class FittedMessagesTest {
    private static final ToolExecutionRequest CALL = Histories.call("Qx7aBc9De", "weather", "{\"city\": \"Oslo\"}");
    private static final AiMessage CALLING = AiMessage.from(CALL);
    private static final ChatMessage RESULT = ToolExecutionResultMessage.from(CALL, "sunny");
    private static final ChatMessage Q1 = UserMessage.from("q1");
    private static final ChatMessage Q2 = UserMessage.from("q2");
    private static final ChatMessage A1 = AiMessage.from("a1");
    private static final ChatMessage A2 = AiMessage.from("a2");

    @TempDir
    Path folder;

    @BeforeEach
    void specialTokens() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
    }

    private ChatTemplate template(String name) {
        return ChatTemplate.load(folder, OddTemplates.ALL.get("odd-" + name), token -> false);
    }

    /** The messages that a template gets, a line each. */
    private String fitted(String name, ChatMessage... messages) {
        return lines(fit(template(name), messages));
    }

    private static FittedMessages fit(ChatTemplate template, ChatMessage... messages) {
        return FittedMessages.of(
                MessageMapper.map(List.of(messages)),
                Histories.WEATHER,
                template.abilities(true),
                Extent.NEEDED,
                new LinkedHashMap<>());
    }

    private static String lines(FittedMessages fitted) {
        return fitted.messages().stream()
                .map(message -> {
                    String calls = message.get("tool_calls") instanceof List<?> list
                            ? list.stream()
                                    .map(call -> ((Map<?, ?>) ((Map<?, ?>) call).get("function")).get("arguments"))
                                    .toList()
                                    .toString()
                            : "";
                    return message.get("role") + ":"
                            + message.get("content").toString().replace("\n", "/") + calls;
                })
                .collect(Collectors.joining(" | "));
    }

    @Test
    void whatIsInOrderIsLeftAsItIs() {
        for (String name : List.of("alternating", "paired", "first-is-user")) {
            FittedMessages fitted = fit(template(name), Q1, CALLING, RESULT, A1, Q2);
            assertThat(lines(fitted))
                    .isEqualTo("user:q1 | assistant:[{city=Oslo}] | tool:sunny | assistant:a1 | user:q2");
            assertThat(fitted.changes()).isEmpty();
        }
    }

    @Test
    void aWindowThatBeginsWithAnAnswerGetsASpacerBeforeIt() {
        assertThat(fitted("alternating", A1, Q1)).isEqualTo("user:... | assistant:a1 | user:q1");
        assertThat(fitted("first-is-user", A1, Q1)).isEqualTo("user:... | assistant:a1 | user:q1");
        assertThat(fitted("paired", A1, Q1)).isEqualTo("assistant:a1 | user:q1");
        assertThat(fitted("first-is-user", CALLING, RESULT, A1, Q1))
                .isEqualTo("user:... | assistant:[{city=Oslo}] | tool:sunny | assistant:a1 | user:q1");
    }

    @Test
    void aSystemMessageWithoutAPlaceIsTheFirstQuestion() {
        assertThat(fitted("alternating", SystemMessage.from("be brief"), A1, Q1))
                .isEqualTo("user:be brief | assistant:a1 | user:q1");
        assertThat(fitted("alternating", SystemMessage.from("be brief"), Q1)).isEqualTo("user:be brief//q1");
        assertThat(fitted("alternating", Q1, SystemMessage.from("be brief"), A1))
                .isEqualTo("user:q1//be brief | assistant:a1");
    }

    @Test
    void aResultWithoutACallIsToldAsTheUsers() {
        assertThat(fitted("paired", RESULT, A1, Q1))
                .isEqualTo("user:Result of the tool weather:/sunny | assistant:a1 | user:q1");
        assertThat(fitted("alternating", RESULT, Q1)).isEqualTo("user:Result of the tool weather:/sunny//q1");
    }

    @Test
    void aCallWithoutAResultGetsOneThatSaysSo() {
        assertThat(fitted("paired", Q1, CALLING, Q2))
                .isEqualTo("user:q1 | assistant:[{city=Oslo}] | tool:no result | user:q2");
        assertThat(fitted("alternating", Q1, CALLING, Q2))
                .isEqualTo("user:q1 | assistant:[{city=Oslo}] | tool:no result | assistant:... | user:q2");
        assertThat(fitted("first-is-user", Q1, CALLING, Q2)).isEqualTo("user:q1 | assistant:[{city=Oslo}] | user:q2");
    }

    @Test
    void twoOfAKindAreJoinedWhereTurnsAlternate() {
        assertThat(fitted("alternating", Q1, Q2, A1, A2, Q1)).isEqualTo("user:q1//q2 | assistant:a1//a2 | user:q1");
        assertThat(fitted("paired", Q1, Q2, A1, A2, Q1))
                .isEqualTo("user:q1 | user:q2 | assistant:a1 | assistant:a2 | user:q1");
        assertThat(fitted("alternating", Q1, CALLING, RESULT, Q2))
                .isEqualTo("user:q1 | assistant:[{city=Oslo}] | tool:sunny | assistant:... | user:q2");
        assertThat(fitted("alternating", Q1, A1, CALLING, RESULT))
                .isEqualTo("user:q1 | assistant:a1 | user:... | assistant:[{city=Oslo}] | tool:sunny");
    }

    @Test
    void aConversationWithoutAQuestionGetsASpacer() {
        assertThat(fitted("first-is-user", SystemMessage.from("be brief"), CALLING, RESULT))
                .isEqualTo("system:be brief | user:... | assistant:[{city=Oslo}] | tool:sunny");
        assertThat(fitted("first-is-user", SystemMessage.from("be brief"))).isEqualTo("system:be brief | user:...");
    }

    @Test
    void anEmptyAnswerIsFilledWhereItIsRefused() {
        ChatMessage thought = AiMessage.builder().thinking("hmm").build();
        assertThat(fitted("alternating", Q1, thought, Q2)).isEqualTo("user:q1 | assistant:... | user:q2");
        assertThat(fitted("paired", Q1, thought, Q2)).isEqualTo("user:q1 | assistant: | user:q2");
    }

    @Test
    void argumentsThatAreNoObjectArePutIntoOneWhereObjectsAreRead() {
        AiMessage broken = AiMessage.from(
                Histories.call("Qx7aBc9De", "weather", "{\"city\": \"Par"),
                Histories.call("Qx7aBc9Df", "weather", "[1]"),
                Histories.call("Qx7aBc9Dg", "weather", ""));
        assertThat(fitted("paired", Q1, broken))
                .isEqualTo("user:q1 | assistant:[{arguments={\"city\": \"Par}, {arguments=[1]}, {}]");
        assertThat(fitted("first-is-user", Q1, broken)).isEqualTo("user:q1 | assistant:[{\"city\": \"Par, [1], {}]");
    }

    @Test
    void idsThatATemplateRefusesAreReplacedByTheSameOnesEachTime() {
        ToolExecutionRequest call = Histories.call("call_abc", "weather", "{}");
        FittedMessages fitted =
                fit(template("alternating"), Q1, AiMessage.from(call), ToolExecutionResultMessage.from(call, "sunny"));
        Object id = fitted.messages().get(2).get("tool_call_id");
        assertThat(id.toString()).matches("[A-Za-z0-9]{9}");
        assertThat(fitted.messages().get(1).toString()).contains("id=" + id);
        assertThat(id).isEqualTo(MessageMapper.id("call_abc")).isNotEqualTo(MessageMapper.id("call_abd"));
        assertThat(fit(template("paired"), Q1, AiMessage.from(call)).messages().toString())
                .contains("call_abc");
    }

    @Test
    void whatWasChangedIsSaidWithItsMessage() {
        ChatTemplate.Rendered rendered = template("alternating")
                .write(MessageMapper.map(List.of(A1, Q1, Q2, CALLING, Q1)), Histories.WEATHER, Map.of());
        assertThat(rendered.changes())
                .containsExactly(
                        new MessageChange(0, MessageChange.Kind.SPACER_ADDED),
                        new MessageChange(2, MessageChange.Kind.JOINED),
                        new MessageChange(3, MessageChange.Kind.RESULT_ADDED),
                        new MessageChange(4, MessageChange.Kind.SPACER_ADDED));
        assertThat(rendered.result().spans()).allMatch(span -> span.element() >= 0 && span.element() < 5);
    }

    @Test
    void aTemplateThatRefusesEvenCallsInOrderIsToldThemAsText() {
        String source = """
                {{- tools | tojson if tools -}}
                {%- for m in messages -%}
                {%- if m.role not in ['user', 'assistant'] or m.tool_calls %}{{ raise_exception('plain turns only') }}{% endif -%}
                {{- '[' + m.role + ':' + m.content + ']' -}}
                {%- endfor -%}
                """;
        ChatTemplate template = ChatTemplate.load(folder, source, token -> false);
        ChatTemplate.Rendered rendered =
                template.write(MessageMapper.map(List.of(Q1, CALLING, RESULT, A1, Q2)), List.of(), Map.of());
        assertThat(rendered.result().text())
                .startsWith("[user:q1][assistant:<tool_call>")
                .endsWith("""
                [user:Result of the tool weather:
                sunny][assistant:a1][user:q2]""");
        assertThat(rendered.changes())
                .contains(
                        new MessageChange(1, MessageChange.Kind.CALLS_AS_TEXT),
                        new MessageChange(2, MessageChange.Kind.RESULT_AS_TEXT));
    }

    @Test
    void whatStaysRefusedIsRefusedInTheTemplatesFirstWords() {
        String source = "{{ raise_exception('not more than ' ~ (messages | length) ~ ' messages') }}";
        ChatTemplate template = ChatTemplate.load(folder, source, token -> false);
        assertThatThrownBy(() -> template.write(MessageMapper.map(List.of(A1, Q1)), List.of(), Map.of()))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("not more than 2 messages");
    }

    @Test
    void earlierCallsAreSaidByTheTemplateThatKnowsToolsEvenIfNoneAreOnOffer() throws Exception {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": [
                  {"name": "default", "template": "{% for m in messages if m.role in ['user', 'assistant'] %}[{{ m.content }}]{% endfor %}"},
                  {"name": "tool_use", "template": "{{ tools }}{% for m in messages %}<{{ m.content }}{{ m.tool_calls }}>{% endfor %}"}]}
                """);
        ChatTemplate template = ChatTemplate.load(folder);
        assertThat(template.render(MessageMapper.map(List.of(Q1, A1, Q2)), List.of(), Map.of())
                        .text())
                .isEqualTo("[q1][a1][q2]");
        assertThat(template.render(MessageMapper.map(List.of(Q1, CALLING, RESULT, Q2)), List.of(), Map.of())
                        .text())
                .contains("<q1>", "Oslo", "<sunny>", "<q2>");
    }

    @Test
    void callsFollowTheOrderOfTheirResultsWhereNothingTellsWhoseTheyAre() {
        ToolExecutionRequest oslo = Histories.call("Qx7aBc9De", "weather", "{\"city\": \"Oslo\"}");
        ToolExecutionRequest rome = Histories.call("Qx7aBc9Df", "weather", "{\"city\": \"Rome\"}");
        ChatMessage[] mixed = {
            Q1,
            AiMessage.from(oslo, rome),
            ToolExecutionResultMessage.from(rome, "hot"),
            ToolExecutionResultMessage.from(oslo, "cold")
        };
        assertThat(fitted("paired", mixed))
                .isEqualTo("user:q1 | assistant:[{city=Rome}, {city=Oslo}] | tool:hot | tool:cold");
        assertThat(fitted("alternating", mixed))
                .isEqualTo("user:q1 | assistant:[{city=Oslo}, {city=Rome}] | tool:hot | tool:cold");
        ChatTemplate single = ChatTemplate.load(folder, OwnTemplates.ALL.get("object"), token -> false);
        assertThat(lines(fit(single, mixed)))
                .isEqualTo("user:q1 | assistant:[{city=Rome}] | tool:hot | assistant:[{city=Oslo}] | tool:cold");
    }
}
