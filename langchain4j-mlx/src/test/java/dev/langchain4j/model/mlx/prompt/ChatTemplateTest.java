package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.CustomMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTemplateTest {
    private static Tokenizer tokenizer;

    @TempDir
    Path folder;

    @BeforeAll
    static void open() {
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    private static final ToolSpecification WEATHER = ToolSpecification.builder()
            .name("weather")
            .description("Weather of a city")
            .parameters(JsonObjectSchema.builder()
                    .addStringProperty("city")
                    .required("city")
                    .build())
            .build();

    private String render(String template, List<ToolSpecification> tools, ChatMessage... messages) throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), template);
        return ChatTemplate.load(folder)
                .prompt(List.of(messages), tools, null, tokenizer)
                .text();
    }

    @Test
    void messagesArriveInTheChatFormatOfHuggingFace() throws IOException {
        AiMessage call = AiMessage.builder()
                .thinking("hm")
                .toolExecutionRequests(List.of(ToolExecutionRequest.builder()
                        .id("7")
                        .name("weather")
                        .arguments("{\"city\": \"Rome\"}")
                        .build()))
                .build();
        String text = render(
                "{{ messages | tojson }}",
                List.of(),
                SystemMessage.from("be brief"),
                UserMessage.builder()
                        .name("ann")
                        .contents(List.of(TextContent.from("one"), TextContent.from("two")))
                        .build(),
                call,
                ToolExecutionResultMessage.from("7", "weather", "sunny"),
                CustomMessage.from(Map.of("role", "developer")));
        assertThat(text)
                .contains("{\"role\": \"system\", \"content\": \"be brief\"}")
                .contains("{\"role\": \"user\", \"content\": \"one\\ntwo\", \"name\": \"ann\"}")
                .contains("\"reasoning_content\": \"hm\"")
                .contains("{\"id\": \"7\", \"type\": \"function\", \"function\": {\"name\": \"weather\", "
                        + "\"arguments\": {\"city\": \"Rome\"}}}")
                .contains(
                        "{\"role\": \"tool\", \"content\": \"sunny\", \"name\": \"weather\", \"tool_call_id\": \"7\"}")
                .contains("{\"role\": \"developer\"}");
    }

    @Test
    void toolsArriveAsFunctionsWithASchema() throws IOException {
        String text = render("{{ tools | tojson }}", List.of(WEATHER), UserMessage.from("x"));
        assertThat(text)
                .startsWith(
                        "[{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"description\": \"Weather of a city\"")
                .contains("\"properties\": {\"city\": {\"type\": \"string\"}}")
                .contains("\"required\": [\"city\"]");
    }

    @Test
    void aTemplateThatRefusesSaysSoInItsOwnWords() {
        assertThatThrownBy(
                        () -> render("{{ raise_exception('Roles must alternate') }}", List.of(), UserMessage.from("x")))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("Roles must alternate");
    }

    @Test
    void imagesAreRefusedBeforeAnythingIsRendered() {
        assertThatThrownBy(() -> render(
                        "{{ messages }}", List.of(), UserMessage.from(ImageContent.from("http://localhost/cat.png"))))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("image")
                .hasMessageContaining("not support");
    }

    @Test
    void namedTemplatesServeWhatTheirNamesSay() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "chat_template": [
                  {"name": "default", "template": "plain {{ bos_token }}"},
                  {"name": "tool_use", "template": "tools {{ eos_token }}"}]}
                """);
        ChatTemplate template = ChatTemplate.load(folder);
        List<ChatMessage> messages = List.of(UserMessage.from("x"));
        assertThat(template.prompt(messages, List.of(), null, tokenizer).text()).isEqualTo("plain <s>");
        assertThat(template.prompt(messages, List.of(WEATHER), null, tokenizer).text())
                .isEqualTo("tools </s>");
    }

    @Test
    void aFolderWithoutATemplateSaysWhereItWasLookedFor() {
        assertThatThrownBy(() -> ChatTemplate.load(folder))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("chat_template.jinja")
                .hasMessageContaining("tokenizer_config.json");
    }

    @Test
    void thinkReachesTheTemplate() throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), "{{ enable_thinking | default('unset') }}");
        ChatTemplate template = ChatTemplate.load(folder);
        List<ChatMessage> messages = List.of(UserMessage.from("x"));
        assertThat(template.prompt(messages, List.of(), true, tokenizer).text()).isEqualTo("True");
        assertThat(template.prompt(messages, List.of(), null, tokenizer).text()).isEqualTo("unset");
    }

    @Test
    void boundariesLieWhereSystemAndUserMessagesEnd() {
        ChatTemplate template = ChatTemplate.load(DemoModel.folder());
        Prompt prompt = template.prompt(
                List.of(SystemMessage.from("You help."), UserMessage.from("Hello!")), List.of(), null, tokenizer);
        Boundary system = prompt.boundaries().get(0);
        Boundary user = prompt.boundaries().get(1);
        assertThat(system.tier()).isEqualTo(Tier.SYSTEM);
        assertThat(user.tier()).isEqualTo(Tier.USER);
        String start = tokenizer.decode(java.util.Arrays.copyOf(prompt.tokens(), system.position()), false);
        assertThat(start).isEqualTo("<|im_start|>system\nYou help.<|im_end|>\n");
        String whole = tokenizer.decode(java.util.Arrays.copyOf(prompt.tokens(), user.position()), false);
        assertThat(whole).endsWith("Hello!<|im_end|>\n");
    }
}
