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
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
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
                .prompt(List.of(messages), tools, Map.of(), tokenizer)
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
                  {"name": "tool_use", "template": "tools {{ eos_token }} {{ tools[0].function.name }}"},
                  {"name": "rag", "template": "documents {{ documents[0].text }}"}]}
                """);
        ChatTemplate template = ChatTemplate.load(folder);
        List<ChatMessage> messages = List.of(UserMessage.from("x"));
        assertThat(template.prompt(messages, List.of(), Map.of(), tokenizer).text())
                .isEqualTo("plain <s>");
        assertThat(template.prompt(messages, List.of(WEATHER), Map.of(), tokenizer)
                        .text())
                .isEqualTo("tools </s> weather");
        Map<String, Object> documents = Map.of("documents", List.of(Map.of("text", "some")));
        assertThat(template.prompt(messages, List.of(), documents, tokenizer).text())
                .isEqualTo("documents some");
    }

    @Test
    void aFolderWithoutATemplateSaysWhereItWasLookedFor() {
        assertThatThrownBy(() -> ChatTemplate.load(folder))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("chat_template.jinja")
                .hasMessageContaining("tokenizer_config.json");
    }

    @Test
    void templatesOfTheirOwnFilesGoBeforeThoseOfTheConfiguration() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": [{"name": "default", "template": "old"}, {"name": "tool_use", "template": "old"}]}
                """);
        Files.writeString(folder.resolve("chat_template.jinja"), "new");
        Path more = Files.createDirectory(folder.resolve("additional_chat_templates"));
        Files.writeString(more.resolve("tool_use.jinja"), "{{ tools | tojson }}");
        ChatTemplate template = ChatTemplate.load(folder);
        assertThat(template.source(false)).isEqualTo("new");
        assertThat(template.source(true)).isEqualTo("{{ tools | tojson }}");
    }

    @Test
    void argumentsReachTheTemplate() throws IOException {
        Files.writeString(
                folder.resolve("chat_template.jinja"),
                "{{ enable_thinking | default('unset') }} {{ reasoning_effort }} {{ tools is none }}");
        ChatTemplate template = ChatTemplate.load(folder);
        List<ChatMessage> messages = List.of(UserMessage.from("x"));
        Map<String, Object> arguments = ChatTemplate.arguments(true, Map.of("reasoning_effort", "high"));
        assertThat(template.prompt(messages, List.of(), arguments, tokenizer).text())
                .isEqualTo("True high True");
        assertThat(template.prompt(messages, List.of(), Map.of(), tokenizer).text())
                .isEqualTo("unset  True");
    }

    @Test
    void argumentsThatNameTheRequestsOwnPartsOrHoldOtherClassesAreRefused() throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), "{{ x }}");
        ChatTemplate template = ChatTemplate.load(folder);
        List<ChatMessage> messages = List.of(UserMessage.from("x"));
        assertThatThrownBy(() -> template.prompt(messages, List.of(), Map.of("messages", List.of()), tokenizer))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("templateArguments (messages)");
        assertThatThrownBy(() -> template.prompt(messages, List.of(), Map.of("x", new Object()), tokenizer))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("java.lang.Object");
    }

    @Test
    void aTemplateOfTheBuilderTakesThePlaceOfTheFoldersOwn() throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), "folder");
        assertThat(ChatTemplate.load(folder, "builder", token -> true).source(true))
                .isEqualTo("builder");
    }

    private static final String TURNS = """
            {%- for m in messages %}{% if m.role in ['user', 'assistant'] %}[{{ m.role }}:{{ m.content }}]{% endif %}
            {%- endfor %}""";

    @Test
    void systemMessagesWithoutAPlaceLeadTheNextUserMessage() throws IOException {
        assertThat(render(
                        TURNS,
                        List.of(),
                        SystemMessage.from("be brief"),
                        SystemMessage.from("be kind"),
                        UserMessage.from("hello"),
                        AiMessage.from("hi"),
                        SystemMessage.from("be exact"),
                        UserMessage.from("2+2?")))
                .isEqualTo("[user:be brief\n\nbe kind\n\nhello][assistant:hi][user:be exact\n\n2+2?]");
        assertThat(render(TURNS, List.of(), UserMessage.from("hello"), SystemMessage.from("be brief")))
                .isEqualTo("[user:hello\n\nbe brief]");
        assertThat(render(TURNS, List.of(), AiMessage.from("hi"), SystemMessage.from("be brief")))
                .isEqualTo("[assistant:hi][user:be brief]");
    }

    @Test
    void systemMessagesAtTheBeginningBecomeOneWhereATemplateKnowsOneOnly() throws IOException {
        String first = "{% if messages[0].role == 'system' %}<{{ messages[0].content }}>{% endif %}" + TURNS;
        assertThat(render(
                        first,
                        List.of(),
                        SystemMessage.from("be brief"),
                        SystemMessage.from("be kind"),
                        UserMessage.from("hello"),
                        SystemMessage.from("be exact")))
                .isEqualTo("<be brief\n\nbe kind>[user:hello\n\nbe exact]");
    }

    @Test
    void whatATemplateDropsWithoutAWordIsRefused() {
        AiMessage call = AiMessage.from(ToolExecutionRequest.builder()
                .id("7")
                .name("weather")
                .arguments("{}")
                .build());
        assertUnsupported("tools", List.of(WEATHER), UserMessage.from("x"));
        assertUnsupported("tool calls", List.of(), UserMessage.from("x"), call);
        assertUnsupported(
                "tool results", List.of(), UserMessage.from("x"), ToolExecutionResultMessage.from("7", "w", "sunny"));
        assertUnsupported(
                "critic",
                List.of(),
                UserMessage.from("x"),
                CustomMessage.from(Map.of("role", "critic", "content", "weak")));
    }

    private void assertUnsupported(String what, List<ToolSpecification> tools, ChatMessage... messages) {
        assertThatThrownBy(() -> render(TURNS, tools, messages))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining(what)
                .hasMessageContaining("chat template");
    }

    @Test
    void aFolderWithoutATemplateTakesThatOfItsFamily() {
        List<ChatMessage> messages =
                List.of(SystemMessage.from("S"), UserMessage.from("u1"), AiMessage.from("a1"), UserMessage.from("u2"));
        Map<FallbackTemplate, String> expected = Map.of(
                FallbackTemplate.CHATML,
                "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nu1<|im_end|>\n<|im_start|>assistant\na1<|im_end|>\n"
                        + "<|im_start|>user\nu2<|im_end|>\n<|im_start|>assistant\n",
                FallbackTemplate.LLAMA3,
                "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
                        + "<|start_header_id|>user<|end_header_id|>\n\nu1<|eot_id|>"
                        + "<|start_header_id|>assistant<|end_header_id|>\n\na1<|eot_id|>"
                        + "<|start_header_id|>user<|end_header_id|>\n\nu2<|eot_id|>"
                        + "<|start_header_id|>assistant<|end_header_id|>\n\n",
                FallbackTemplate.GEMMA,
                "<start_of_turn>user\nS\n\nu1<end_of_turn>\n<start_of_turn>model\na1<end_of_turn>\n"
                        + "<start_of_turn>user\nu2<end_of_turn>\n<start_of_turn>model\n",
                FallbackTemplate.GRANITE,
                "<|start_of_role|>system<|end_of_role|>S<|end_of_text|>\n"
                        + "<|start_of_role|>user<|end_of_role|>u1<|end_of_text|>\n"
                        + "<|start_of_role|>assistant<|end_of_role|>a1<|end_of_text|>\n"
                        + "<|start_of_role|>user<|end_of_role|>u2<|end_of_text|>\n"
                        + "<|start_of_role|>assistant<|end_of_role|>",
                FallbackTemplate.DEEPSEEK,
                "S<｜User｜>u1<｜Assistant｜>a1<｜end▁of▁sentence｜><｜User｜>u2<｜Assistant｜>",
                FallbackTemplate.GLM4,
                "[gMASK]<sop><|system|>\nS<|user|>\nu1<|assistant|>\na1<|user|>\nu2<|assistant|>\n",
                FallbackTemplate.PHI3,
                "<|system|>\nS<|end|>\n<|user|>\nu1<|end|>\n<|assistant|>\na1<|end|>\n<|user|>\nu2<|end|>\n<|assistant|>\n",
                FallbackTemplate.MISTRAL,
                "[INST] S\n\nu1[/INST] a1</s>[INST] u2[/INST]");
        for (FallbackTemplate family : FallbackTemplate.values()) {
            String rendered = ChatTemplate.load(folder, family.source(), token -> false)
                    .prompt(messages, List.of(), Map.of(), tokenizer)
                    .text();
            assertThat(rendered).as(family.name()).isEqualTo(expected.get(family));
        }
        assertThat(ChatTemplate.load(folder, null, token -> token.startsWith("<|im_"))
                        .source(false))
                .isEqualTo(FallbackTemplate.CHATML.source());
    }

    @Test
    void theFallbackOfChatMlKnowsTools() {
        AiMessage call = AiMessage.from(ToolExecutionRequest.builder()
                .id("7")
                .name("weather")
                .arguments("{\"city\": \"Rome\"}")
                .build());
        String rendered = ChatTemplate.load(folder, FallbackTemplate.CHATML.source(), token -> false)
                .prompt(
                        List.of(
                                UserMessage.from("x"),
                                call,
                                ToolExecutionResultMessage.from("7", "weather", "sunny"),
                                ToolExecutionResultMessage.from("8", "weather", "rain")),
                        List.of(WEATHER),
                        Map.of(),
                        tokenizer)
                .text();
        assertThat(rendered)
                .contains("<tools>\n{\"type\": \"function\", \"function\": {\"name\": \"weather\"")
                .endsWith("""
                        <|im_start|>assistant
                        <tool_call>
                        {"name": "weather", "arguments": {"city": "Rome"}}
                        </tool_call><|im_end|>
                        <|im_start|>user
                        <tool_response>
                        sunny
                        </tool_response>
                        <tool_response>
                        rain
                        </tool_response><|im_end|>
                        <|im_start|>assistant
                        """);
        assertThat(ToolCallFormat.detect(FallbackTemplate.CHATML.source())).isEqualTo(ToolCallFormat.HERMES);
    }

    /** LFM2.5: the template names the tools and no marker of calls, and shows an assistant's text only. */
    @Test
    void callsThatTheTemplateDoesNotShowAreToldFromTheVocabulary() {
        String source = "{% if tools %}List of tools: [{% for t in tools %}{{ t | tojson }}{% endfor %}]\n{% endif %}"
                + "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
        ChatTemplate template =
                ChatTemplate.load(DemoModel.folder(), source, token -> token.equals("<|tool_call_start|>"));
        assertThat(template.format(true, ToolSchemas.none()).toolCalls()).isEqualTo(ToolCallFormat.PYTHONIC);
        assertThat(ChatTemplate.load(DemoModel.folder(), source, token -> false)
                        .format(true, ToolSchemas.none())
                        .toolCalls())
                .isEqualTo(ToolCallFormat.GENERIC);
        AiMessage call = AiMessage.from(ToolExecutionRequest.builder()
                .id("1")
                .name("weather")
                .arguments("{\"city\":\"Rome\"}")
                .build());
        Prompt prompt = template.prompt(
                List.of(UserMessage.from("And Rome?"), call, ToolExecutionResultMessage.from("1", "weather", "sunny")),
                List.of(ToolSpecification.builder().name("weather").build()),
                Map.of(),
                tokenizer);
        assertThat(prompt.text()).contains("assistant: <|tool_call_start|>[weather(city=\"Rome\")]<|tool_call_end|>");
    }

    @Test
    void boundariesLieWhereSystemAndUserMessagesEnd() {
        ChatTemplate template = ChatTemplate.load(DemoModel.folder());
        Prompt prompt = template.prompt(
                List.of(SystemMessage.from("You help."), UserMessage.from("Hello!")), List.of(), Map.of(), tokenizer);
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
