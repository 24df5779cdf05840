package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A token is a character; a prompt has 100 once, and 10 for the markers of each message. */
class MlxTokenCountEstimatorTest {
    private final MlxTokenCountEstimator estimator =
            new MlxTokenCountEstimator(String::length, MlxTokenCountEstimatorTest::prompt);

    private static int prompt(List<ChatMessage> messages) {
        int count = 100;
        for (ChatMessage message : messages) {
            if (message instanceof UserMessage user) {
                count += 10 + user.singleText().length();
            } else if (message instanceof SystemMessage) {
                throw new UnsupportedFeatureException("system messages are not supported");
            } else {
                throw new InvalidRequestException("the template refuses " + message.type());
            }
        }
        return count;
    }

    @Test
    void textIsCountedAsItIs() {
        assertThat(estimator.estimateTokenCountInText("hello")).isEqualTo(5);
        assertThat(estimator.estimateTokenCountInText("")).isZero();
    }

    @Test
    void messagesAreCountedAsTheirPrompt() {
        assertThat(estimator.estimateTokenCountInMessages(List.of(UserMessage.from("abc"), UserMessage.from("de"))))
                .isEqualTo(125);
        assertThat(estimator.estimateTokenCountInMessages(List.of())).isZero();
    }

    @Test
    void oneMessageIsCountedWithoutWhatEveryPromptHasOnce() {
        assertThat(estimator.estimateTokenCountInMessage(UserMessage.from("abc")))
                .isEqualTo(13);
    }

    @Test
    void whatTheTemplateRefusesIsCountedAsText() {
        ToolExecutionRequest call = ToolExecutionRequest.builder()
                .id("1")
                .name("add")
                .arguments("{}")
                .build();
        ChatMessage answer = AiMessage.from("ok", List.of(call));
        ChatMessage result = ToolExecutionResultMessage.from(call, "12345");

        assertThat(estimator.estimateTokenCountInMessage(answer)).isEqualTo("ok\nadd {}".length());
        assertThat(estimator.estimateTokenCountInMessage(result)).isEqualTo(5);
        assertThat(estimator.estimateTokenCountInMessages(List.of(UserMessage.from("abc"), result)))
                .isEqualTo(18);
    }

    @Test
    void whatTheModelDoesNotSupportIsNotGuessed() {
        assertThatThrownBy(() -> estimator.estimateTokenCountInMessage(SystemMessage.from("x")))
                .isInstanceOf(UnsupportedFeatureException.class);
    }

    @Test
    void whatCanBeSaidOfToolsOnlyWhileSomeAreOnOfferIsCountedAsText() {
        MlxTokenCountEstimator without = new MlxTokenCountEstimator(String::length, messages -> {
            throw new UnsupportedFeatureException("tool calls in messages are not supported");
        });
        ToolExecutionRequest call = ToolExecutionRequest.builder()
                .id("1")
                .name("add")
                .arguments("{}")
                .build();
        ChatMessage result = ToolExecutionResultMessage.builder()
                .id("1")
                .toolName("add")
                .contents(List.of(TextContent.from("12"), TextContent.from("345")))
                .build();
        assertThat(without.estimateTokenCountInMessage(AiMessage.from(call))).isEqualTo("\nadd {}".length());
        assertThat(without.estimateTokenCountInMessage(result)).isEqualTo("12\n345".length());
        assertThat(without.estimateTokenCountInMessages(List.of(AiMessage.from(call), result)))
                .isEqualTo("\nadd {}".length() + 6);
        assertThatThrownBy(() -> without.estimateTokenCountInMessage(ToolExecutionResultMessage.builder()
                        .contents(List.of(ImageContent.from("http://x/y.png")))
                        .build()))
                .isInstanceOf(UnsupportedFeatureException.class);
    }
}
