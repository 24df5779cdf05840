package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.CustomMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What is made of a message once, and which messages have which context. */
class KnownMessagesTest {
    private final KnownMessages known = new KnownMessages();

    private static AiMessage call(String arguments) {
        return AiMessage.from(ToolExecutionRequest.builder()
                .id("call00001")
                .name("weather")
                .arguments(arguments)
                .build());
    }

    private static List<ChatMessage> messages(String question) {
        return List.of(
                SystemMessage.from("be brief"),
                UserMessage.from(question),
                call("{\"city\": \"Rome\"}"),
                ToolExecutionResultMessage.from("call00001", "weather", "sunny"),
                CustomMessage.from(Map.of("role", "other", "content", "said")));
    }

    @Test
    void anEqualMessageIsKnownAndAnotherIsNot() {
        List<ChatMessage> first = messages("Rome?");
        List<KnownMessages.Known> made = known.of(first, false);
        List<KnownMessages.Known> again = known.of(messages("Rome?"), false);
        List<KnownMessages.Known> other = known.of(messages("Oslo?"), false);
        for (int i = 0; i < made.size(); i++) {
            assertThat(again.get(i)).isSameAs(made.get(i));
            assertThat(other.get(i) == made.get(i)).isEqualTo(i != 1);
            assertThat(made.get(i).mapped()).isEqualTo(MessageMapper.map(first.get(i), false));
        }
        assertThat(made.get(2).content((AiMessage) first.get(2))).isEqualTo(TurnContent.of((AiMessage) first.get(2)));
    }

    @Test
    void whatIsSharedCannotBeChanged() {
        KnownMessages.Known message = known.of(messages("Rome?"), false).getFirst();
        assertThatThrownBy(() -> message.mapped().put("role", "user"))
                .isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void allIsForgotten() {
        List<ChatMessage> messages = messages("Rome?");
        List<KnownMessages.Known> made = known.of(messages, false);
        known.clear();
        assertThat(known.of(messages, false).getFirst()).isNotSameAs(made.getFirst());
    }

    @Test
    void aContextIsThatOfAllMessagesBefore() {
        Context[] rome = Context.of(known.of(messages("Rome?"), false));
        Context[] oslo = Context.of(known.of(messages("Oslo?"), false));
        assertThat(Context.of(known.of(messages("Rome?"), false))).isEqualTo(rome);
        assertThat(rome).startsWith(oslo[0], oslo[1]).hasSize(6);
        Set<Context> all = new HashSet<>(List.of(rome));
        all.addAll(List.of(oslo));
        assertThat(all).hasSize(10);
        assertThat(Context.digest(call("{}"))).isNotEqualTo(Context.digest(call("{ }")));
    }
}
