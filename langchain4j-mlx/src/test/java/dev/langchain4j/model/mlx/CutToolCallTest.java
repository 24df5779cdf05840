package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.output.FinishReason;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Calls at the edges of a request: cut by its limit, with schemas that no mask can keep, with tokens beyond the logits.
 */
class CutToolCallTest {
    private static final String TEMPLATE =
            "{# <tool_call> #}{% for m in messages %}{{ m.content }}{% endfor %}{{ tools }}";
    private static final String PICKY = "{\"type\":\"object\",\"properties\":{\"tags\":{\"type\":\"array\","
            + "\"uniqueItems\":true,\"maxItems\":2,\"items\":{\"type\":\"string\",\"maxLength\":3,"
            + "\"not\":{\"const\":\"x\"}}},\"id\":{\"type\":\"string\",\"pattern\":\"^(?=a)b$\"}},\"required\":[\"tags\"]}";

    @TempDir
    Path folder;

    private long handles;

    @BeforeEach
    void count() {
        handles = LiveHandles.count();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static ToolSpecification tool(String name, JsonSchemaElement argument) {
        return ToolSpecification.builder()
                .name(name)
                .parameters(JsonObjectSchema.builder()
                        .addProperty("a", argument)
                        .required("a")
                        .build())
                .build();
    }

    private static ToolSpecification weather() {
        return tool("weather", JsonRawSchema.from("{\"type\":\"string\",\"minLength\":30,\"maxLength\":40}"));
    }

    private static ResponseFormat format(JsonSchemaElement root) {
        return ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(JsonSchema.builder().name("Trip").rootElement(root).build())
                .build();
    }

    private static ChatResponse ask(
            MlxModel mlx, ToolSpecification tool, ToolChoice choice, ResponseFormat format, int limit, long seed) {
        MlxChatRequestParameters parameters = MlxChatRequestParameters.builder()
                .toolSpecifications(List.of(tool))
                .toolChoice(choice)
                .responseFormat(format)
                .maxOutputTokens(limit)
                .seed(seed)
                .build();
        return MlxChatModel.builder()
                .model(mlx)
                .temperature(1.0)
                .build()
                .chat(ChatRequest.builder()
                        .messages(UserMessage.from("Do it."))
                        .parameters(parameters)
                        .build());
    }

    @Test
    void a_call_that_the_limit_cuts_is_no_text_and_the_reason_is_length() {
        try (MlxModel mlx =
                MlxModel.load(RandomModel.write(folder, TEMPLATE, List.of("<tool_call>", "</tool_call>"), 3))) {
            for (int limit = 1; limit < 24; limit++) {
                ChatResponse response = ask(mlx, weather(), ToolChoice.REQUIRED, null, limit, limit);
                assertThat(response.finishReason()).isEqualTo(FinishReason.LENGTH);
                assertThat(response.aiMessage().text()).as("limit %d", limit).isNull();
                assertThat(response.aiMessage().hasToolExecutionRequests()).isFalse();
            }
            assertThat(mlx.rejectedCalls().count()).isZero();
        }
    }

    @Test
    void a_tool_that_may_be_called_does_not_stand_in_the_way_of_a_json_answer() {
        ToolSpecification picky = tool("pick", JsonRawSchema.from(PICKY));
        ResponseFormat answer = format(
                JsonObjectSchema.builder().addIntegerProperty("n").required("n").build());
        for (String template : List.of(TEMPLATE, TEMPLATE.replace("<tool_call>", "<tool_call><function="))) {
            try (MlxModel mlx =
                    MlxModel.load(RandomModel.write(folder.resolve("" + template.length()), template, List.of(), 3))) {
                int ended = 0;
                for (int seed = 0; seed < 6; seed++) {
                    ended += ask(mlx, picky, ToolChoice.AUTO, answer, 300, seed).finishReason() == FinishReason.LENGTH
                            ? 0
                            : 1;
                }
                assertThat(ended).isPositive();
            }
        }
    }

    @Test
    void a_schema_that_must_be_kept_and_cannot_is_refused_with_its_name_and_the_key() {
        ToolSpecification picky = tool("pick", JsonRawSchema.from("{\"type\":\"array\",\"uniqueItems\":true}"));
        try (MlxModel mlx = MlxModel.load(RandomModel.write(folder, TEMPLATE, List.of(), 3))) {
            assertThatThrownBy(() -> ask(mlx, picky, ToolChoice.REQUIRED, null, 10, 1))
                    .isInstanceOf(UnsupportedFeatureException.class)
                    .hasMessageContaining("the tool 'pick'")
                    .hasMessageContaining("uniqueItems");
            ResponseFormat unique = format(JsonRawSchema.from("{\"type\":\"array\",\"uniqueItems\":true}"));
            assertThatThrownBy(() -> ask(mlx, weather(), ToolChoice.AUTO, unique, 10, 1))
                    .isInstanceOf(UnsupportedFeatureException.class)
                    .hasMessageContaining("the response format 'Trip'")
                    .hasMessageContaining("uniqueItems");
        }
    }

    @Test
    void tokens_beyond_the_logits_are_not_drawn_and_stand_in_nobodys_way() throws Exception {
        Path written = RandomModel.write(folder, TEMPLATE, List.of("<tool_call>", "</tool_call>"), 3);
        ObjectMapper json = new ObjectMapper();
        ObjectNode tokenizer =
                (ObjectNode) json.readTree(written.resolve("tokenizer.json").toFile());
        int size = json.readTree(written.resolve("config.json").toFile())
                .get("vocab_size")
                .asInt();
        ObjectNode beyond = tokenizer.withArray("added_tokens").get(0).deepCopy();
        tokenizer.withArray("added_tokens").add(beyond.put("id", size).put("content", "<image_soft_token>"));
        json.writeValue(written.resolve("tokenizer.json").toFile(), tokenizer);
        try (MlxModel mlx = MlxModel.load(written)) {
            assertThat(mlx.tokenizer().vocabularySize()).isEqualTo(size + 1);
            ResponseFormat answer = format(JsonObjectSchema.builder()
                    .addIntegerProperty("n")
                    .required("n")
                    .build());
            assertThat(ask(mlx, weather(), ToolChoice.NONE, answer, 60, 1)
                            .aiMessage()
                            .text())
                    .startsWith("{\"n\":");
            assertThat(ask(mlx, weather(), ToolChoice.REQUIRED, null, 400, 1).finishReason())
                    .isIn(FinishReason.TOOL_EXECUTION, FinishReason.LENGTH);
        }
    }
}
