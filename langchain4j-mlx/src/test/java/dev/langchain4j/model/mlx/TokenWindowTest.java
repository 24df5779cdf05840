package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.memory.chat.TokenWindowChatMemory;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.prompt.ChatTemplate;
import dev.langchain4j.model.mlx.prompt.Histories;
import dev.langchain4j.model.mlx.prompt.OddTemplates;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A memory that counts tokens takes every message that chat accepts, alone and among others, whatever the chat
 * template; {@code -Dgoldens=DIR} tries all of {@code DIR/templates}.
 */
class TokenWindowTest {
    private static final String TEXT =
            "The weather of the whole week in all the cities that were asked about. ".repeat(3);
    private static final ToolExecutionRequest CALL = call("Qx7aBc9De", "{\"city\": \"Oslo, and some more of it\"}");

    private static ToolExecutionRequest call(String id, String arguments) {
        return ToolExecutionRequest.builder()
                .id(id)
                .name("weather")
                .arguments(arguments)
                .build();
    }

    private static final List<ChatMessage> CONVERSATION = List.of(
            SystemMessage.from("Be brief. " + TEXT),
            UserMessage.from("What is it like? " + TEXT),
            AiMessage.from(CALL, call("Qx7aBc9Df", "{}")),
            ToolExecutionResultMessage.from(CALL, "Sunny. " + TEXT),
            ToolExecutionResultMessage.builder()
                    .id("Qx7aBc9Df")
                    .toolName("weather")
                    .contents(List.of(TextContent.from("Rain."), TextContent.from(TEXT)))
                    .build(),
            AiMessage.from("It is sunny. " + TEXT),
            UserMessage.from("Thank you! " + TEXT));

    private static final List<ChatMessage> ODD = List.of(
            AiMessage.builder().thinking("hmm").build(),
            AiMessage.from(""),
            UserMessage.from(""),
            AiMessage.from(call(null, "{\"city\": \"Par")),
            AiMessage.from(call("c1", "null"), call("c1", "[1]")),
            ToolExecutionResultMessage.from(null, null, ""),
            ToolExecutionResultMessage.from("nobody's", "weather", "found"));

    @TempDir
    Path folder;

    private long handlesBefore;

    @BeforeEach
    void count() {
        handlesBefore = LiveHandles.count();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    @Test
    void everyTemplateGivesAnEstimateThatIsNearTheWholePrompt() throws IOException {
        int templates = 0;
        double furthest = 0;
        try (Tokenizer tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"))) {
            for (Map.Entry<String, ChatTemplate> template :
                    Histories.templates(folder).entrySet()) {
                MlxTokenCountEstimator estimator = new MlxTokenCountEstimator(
                        text -> tokenizer.encode(text, false).length, messages -> template.getValue()
                                .prompt(messages, List.of(), Map.of(), tokenizer)
                                .tokens()
                                .length);
                for (ChatMessage message : ODD) {
                    assertThat(estimator.estimateTokenCountInMessage(message))
                            .as(template.getKey())
                            .isGreaterThanOrEqualTo(0);
                }
                assertThat(estimator.estimateTokenCountInMessages(ODD)).isPositive();
                int whole = estimator.estimateTokenCountInMessages(CONVERSATION);
                if (!saysEachOnce(template.getValue(), tokenizer)) {
                    continue;
                }
                List<ChatMessage> start = CONVERSATION.subList(0, 2);
                whole -= estimator.estimateTokenCountInMessages(start)
                        - start.stream()
                                .mapToInt(estimator::estimateTokenCountInMessage)
                                .sum();
                int sum = CONVERSATION.stream()
                        .mapToInt(estimator::estimateTokenCountInMessage)
                        .sum();
                double off = Math.abs(sum - whole) / (double) whole;
                if (off > 0.2) {
                    System.out.printf("%s: %d as a whole, %d in parts%n", template.getKey(), whole, sum);
                }
                furthest = Math.max(furthest, off);
                templates++;
            }
        }
        System.out.printf(
                "token estimates: %d templates, parts are off the whole by %.0f %% at most%n",
                templates, 100 * furthest);
        assertThat(furthest).isLessThan(0.35);
    }

    private static boolean saysEachOnce(ChatTemplate template, Tokenizer tokenizer) {
        try {
            String text = template.prompt(CONVERSATION, List.of(), Map.of(), tokenizer)
                    .text();
            return text.split(TEXT.strip(), -1).length == 7;
        } catch (LangChain4jException e) {
            return false;
        }
    }

    @Test
    void aTokenWindowTakesEveryMessage() {
        for (String source : OddTemplates.ALL.values()) {
            try (MlxModel model = MlxModel.builder()
                    .modelPath(DemoModel.folder())
                    .chatTemplate(source)
                    .build()) {
                TokenWindowChatMemory memory = TokenWindowChatMemory.withMaxTokens(600, model.tokenCountEstimator());
                List<ChatMessage> messages = new ArrayList<>(CONVERSATION);
                messages.addAll(ODD);
                messages.addAll(CONVERSATION);
                messages.forEach(memory::add);
                assertThat(memory.messages()).isNotEmpty().hasSizeLessThan(messages.size());
            }
        }
    }

    @Test
    void namedTemplatesCountCallsAndResults() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": [
                  {"name": "default", "template": "{% for m in messages if m.role in ['user', 'assistant'] %}[{{ m.content }}]{% endfor %}"},
                  {"name": "tool_use", "template": "{{ tools }}{% for m in messages %}<{{ m.content }}{{ m.tool_calls }}>{% endfor %}"}]}
                """);
        ChatTemplate template = ChatTemplate.load(folder);
        try (Tokenizer tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"))) {
            MlxTokenCountEstimator estimator = new MlxTokenCountEstimator(
                    text -> tokenizer.encode(text, false).length,
                    messages -> template.prompt(messages, List.of(), Map.of(), tokenizer)
                            .tokens()
                            .length);
            CONVERSATION.forEach(message ->
                    assertThat(estimator.estimateTokenCountInMessage(message)).isPositive());
            ODD.forEach(estimator::estimateTokenCountInMessage);
            assertThat(estimator.estimateTokenCountInMessages(CONVERSATION)).isPositive();
        }
    }
}
