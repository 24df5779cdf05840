package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import org.junit.jupiter.api.Test;

class PromptNormalizerTest {
    private static final String HEADER = "x-anthropic-billing-header: cc_version=2.1.77; cc_entrypoint=cli; cch=a41f2;";

    private final PromptNormalizer normalizer = PromptNormalizer.withoutBillingHeader();

    private String system(String text) {
        return ((SystemMessage) normalizer.normalize(SystemMessage.from(text))).text();
    }

    @Test
    void theBillingHeaderLineGoes() {
        assertThat(system(HEADER + "\nYou are an agent.\nBe brief.")).isEqualTo("You are an agent.\nBe brief.");
        assertThat(system("You are an agent.\r\n" + HEADER + "\r\nBe brief."))
                .isEqualTo("You are an agent.\r\nBe brief.");
        assertThat(system("You are an agent.\n" + HEADER)).isEqualTo("You are an agent.\n");
    }

    @Test
    void otherLinesStayThoseOfTheSamePrefixToo() {
        String others = "x-anthropic-beta: tools\nx-anthropic-billing: 1\nSend " + HEADER + "\n " + HEADER;
        assertThat(system(others)).isEqualTo(others);
        assertThat(system(HEADER)).isEqualTo(HEADER);
    }

    @Test
    void otherMessagesStay() {
        ChatMessage user = UserMessage.from(HEADER + "\nWhat is this?");
        assertThat(normalizer.normalize(user)).isSameAs(user);
        ChatMessage plain = SystemMessage.from("You are an agent.");
        assertThat(normalizer.normalize(plain)).isSameAs(plain);
    }

    @Test
    void normalizersAreAppliedInOrder() {
        PromptNormalizer dated = message ->
                message instanceof SystemMessage system ? SystemMessage.from(system.text() + " Today.") : message;
        assertThat(normalizer.andThen(dated).normalize(SystemMessage.from(HEADER + "\nHello.")))
                .isEqualTo(SystemMessage.from("Hello. Today."));
        assertThat(PromptNormalizer.none().normalize(UserMessage.from("Hi"))).isEqualTo(UserMessage.from("Hi"));
    }
}
