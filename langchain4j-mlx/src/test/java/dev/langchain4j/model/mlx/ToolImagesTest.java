package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.prompt.PromptRequest;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Pictures;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Images in tool results, such as screenshots: where the template shows them, and where it does not. */
class ToolImagesTest {
    private static final Path MODEL = Goldens.own("vision/qwen3_vl/model");
    private static final String PLACE = "<|vision_start|><|image_pad|><|vision_end|>";
    private static final String HEAD = """
            {%- if tools %}<tools>{% for t in tools %}{{ t | tojson }}{% endfor %}</tools>{% endif -%}
            {%- for m in messages -%}
            <|im_start|>{{ m.role }}{{ '\\n' }}
            """;
    private static final String CALLS =
            "{%- for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor -%}";
    private static final String PARTS = "{%- if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
            + "{% if p.type == 'image' %}" + PLACE + "{% else %}{{ p.text }}{% endif %}{% endfor %}{% endif -%}";
    private static final String TAIL = """
            <|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}""";
    private static final String EVERYWHERE = HEAD + PARTS + CALLS + TAIL;
    private static final String FOR_USERS = HEAD + "{%- if m.role == 'user' %}" + PARTS
            + "{% else %}{{ m.content if m.content is string else '' }}{% endif -%}" + CALLS + TAIL;
    private static final String NOWHERE = HEAD + "{{ m.content }}" + CALLS + TAIL;

    private static final ToolSpecification SCREENSHOT = ToolSpecification.builder()
            .name("screenshot")
            .description("What is on the screen")
            .build();

    private final long handles = LiveHandles.count();

    @AfterEach
    void nothingLeaks() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static MlxModel model(String template) {
        return MlxModel.builder().modelPath(MODEL).chatTemplate(template).build();
    }

    private static List<ChatMessage> messages(Content... result) {
        ToolExecutionRequest call = ToolExecutionRequest.builder()
                .id("call00001")
                .name("screenshot")
                .arguments("{}")
                .build();
        ToolExecutionResultMessage shown = ToolExecutionResultMessage.builder()
                .id(call.id())
                .toolName(call.name())
                .contents(List.of(result))
                .build();
        return List.of(UserMessage.from("What is on the screen?"), AiMessage.from(call), shown);
    }

    private static String text(MlxModel model, List<ChatMessage> messages) {
        Prompt prompt = model.prompts()
                .write(new PromptRequest(
                        messages,
                        List.of(SCREENSHOT),
                        Map.of(),
                        model.template().format(true, ChatExecution.schemas(List.of(SCREENSHOT))),
                        null,
                        Isolation.SHARED,
                        false,
                        model.pictures(messages)));
        return prompt.text().substring(prompt.text().indexOf("<|im_start|>user"));
    }

    private static ChatResponse chat(MlxModel model, List<ChatMessage> messages) {
        return MlxChatModel.builder()
                .model(model)
                .maxOutputTokens(3)
                .build()
                .chat(ChatRequest.builder()
                        .messages(messages)
                        .toolSpecifications(SCREENSHOT)
                        .build());
    }

    @Test
    void aTemplateThatShowsThemWhereTheyAreIsLeftAlone() {
        try (MlxModel model = model(EVERYWHERE)) {
            List<ChatMessage> messages = messages(TextContent.from("here:"), Pictures.noise(60, 44, 1));
            assertThat(text(model, messages)).contains("<|im_start|>tool\nhere:" + PLACE + "<|im_end|>");
            ChatResponse response = chat(model, messages);
            assertThat(((MlxTokenUsage) response.tokenUsage()).imageTokens()).isPositive();
            assertThat(((MlxChatResponseMetadata) response.metadata()).promptChanges())
                    .isEmpty();
        }
    }

    @Test
    void whereResultsCannotShowThemTheyAreTheUsersBehindTheResult() {
        try (MlxModel model = model(FOR_USERS)) {
            List<ChatMessage> both = messages(TextContent.from("here:"), Pictures.noise(60, 44, 1));
            assertThat(text(model, both))
                    .contains("<|im_start|>tool\nhere:<|im_end|>\n<|im_start|>user\n" + PLACE + "<|im_end|>");
            List<ChatMessage> alone = messages(Pictures.noise(60, 44, 1));
            assertThat(text(model, alone))
                    .contains("<|im_start|>tool\nThe result is the image that follows.<|im_end|>\n<|im_start|>user\n"
                            + PLACE);
            ChatResponse response = chat(model, alone);
            assertThat(((MlxTokenUsage) response.tokenUsage()).imageTokens()).isPositive();
            assertThat(((MlxChatResponseMetadata) response.metadata()).promptChanges())
                    .contains(new PromptChange(2, PromptChange.Kind.IMAGES_MOVED));
        }
    }

    @Test
    void aTemplateWithoutAnyPlaceForThemIsToldOf() {
        try (MlxModel model = model(NOWHERE)) {
            assertThatThrownBy(() -> chat(model, messages(Pictures.noise(60, 44, 1))))
                    .isInstanceOf(UnsupportedFeatureException.class)
                    .hasMessageContaining("chat template");
        }
    }
}
