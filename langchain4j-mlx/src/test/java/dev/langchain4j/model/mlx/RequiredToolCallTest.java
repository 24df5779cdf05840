package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonAnyOfSchema;
import dev.langchain4j.model.chat.request.json.JsonArraySchema;
import dev.langchain4j.model.chat.request.json.JsonBooleanSchema;
import dev.langchain4j.model.chat.request.json.JsonIntegerSchema;
import dev.langchain4j.model.chat.request.json.JsonNullSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonReferenceSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.grammar.JsonSchemas;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.output.FinishReason;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@code ToolChoice.REQUIRED} in each wire format: a model of random weights calls tools on offer, with arguments that
 * conform to their schemas.
 */
class RequiredToolCallTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ANSWERS = Integer.getInteger("random.calls", 5);

    /**
     * A format as a chat template announces it.
     *
     * @param clues texts of the template that tell the format and its variant
     * @param tokens those of its markers that are tokens
     */
    private record Variant(ToolCallFormat format, String clues, List<String> tokens) {
        static Variant of(ToolCallFormat format, String clues, String... tokens) {
            return new Variant(format, clues, List.of(tokens));
        }

        @Override
        public String toString() {
            return format + " " + clues.replace('\n', ' ');
        }
    }

    static Stream<Variant> variants() {
        return Stream.of(
                Variant.of(ToolCallFormat.HERMES, "<tool_call>", "<tool_call>", "</tool_call>"),
                Variant.of(ToolCallFormat.QWEN3_CODER, "<tool_call><function=", "<tool_call>", "</tool_call>"),
                Variant.of(
                        ToolCallFormat.GLM,
                        "<tool_call><arg_key>",
                        "<tool_call>",
                        "</tool_call>",
                        "<arg_key>",
                        "</arg_key>",
                        "<arg_value>",
                        "</arg_value>"),
                Variant.of(ToolCallFormat.LONGCAT, "<longcat_tool_call>"),
                Variant.of(ToolCallFormat.SEED, "<seed:tool_call>", "<seed:tool_call>", "</seed:tool_call>"),
                Variant.of(ToolCallFormat.MISTRAL, "[TOOL_CALLS]", "[TOOL_CALLS]"),
                Variant.of(ToolCallFormat.MISTRAL, "[TOOL_CALLS] [ARGS]", "[TOOL_CALLS]", "[ARGS]"),
                Variant.of(
                        ToolCallFormat.MISTRAL, "[TOOL_CALLS] [CALL_ID] [ARGS]", "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"),
                Variant.of(ToolCallFormat.PYTHONIC, "<|tool_call_start|>", "<|tool_call_start|>", "<|tool_call_end|>"),
                Variant.of(ToolCallFormat.LLAMA_PYTHONIC, "[func_name1("),
                Variant.of(ToolCallFormat.LLAMA_JSON, "<|python_tag|>", "<|python_tag|>"),
                Variant.of(
                        ToolCallFormat.KIMI_K2,
                        "<|tool_calls_section_begin|>",
                        "<|tool_calls_section_begin|>",
                        "<|tool_calls_section_end|>",
                        "<|tool_call_begin|>",
                        "<|tool_call_argument_begin|>",
                        "<|tool_call_end|>"),
                Variant.of(
                        ToolCallFormat.MINIMAX_M2,
                        "<minimax:tool_call>",
                        "<minimax:tool_call>",
                        "</minimax:tool_call>"),
                Variant.of(ToolCallFormat.GEMMA4, "<|tool_call>", "<|tool_call>", "<tool_call|>", "<|\"|>"),
                Variant.of(
                        ToolCallFormat.FUNCTION_GEMMA,
                        "<start_function_call>",
                        "<start_function_call>",
                        "<end_function_call>",
                        "<escape>"),
                Variant.of(
                        ToolCallFormat.DEEPSEEK,
                        "<｜tool▁calls▁begin｜> ```json",
                        "<｜tool▁calls▁begin｜>",
                        "<｜tool▁calls▁end｜>",
                        "<｜tool▁call▁begin｜>",
                        "<｜tool▁sep｜>",
                        "<｜tool▁call▁end｜>"),
                Variant.of(ToolCallFormat.DEEPSEEK, "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁begin｜>", "<｜tool▁sep｜>"),
                Variant.of(ToolCallFormat.DEEPSEEK_DSML, "｜DSML｜function_calls>", "｜DSML｜"),
                Variant.of(ToolCallFormat.DEEPSEEK_DSML, "｜DSML｜tool_calls>"),
                Variant.of(ToolCallFormat.GRANITE, "<|tool_call|>", "<|tool_call|>"),
                Variant.of(ToolCallFormat.GRANITE_20B, "<function_call>"),
                Variant.of(
                        ToolCallFormat.COHERE,
                        "<|START_ACTION|> tool_call_id",
                        "<|START_ACTION|>",
                        "<|END_ACTION|>",
                        "<|START_RESPONSE|>"),
                Variant.of(ToolCallFormat.COMMAND_R, "directly_answer"),
                Variant.of(ToolCallFormat.PHI4, "<|/tool|> <|tool_call|>", "<|tool_call|>", "<|/tool_call|>"),
                Variant.of(ToolCallFormat.PHI4, "<|/tool|>"),
                Variant.of(ToolCallFormat.TOOL_CALLS_LIST, "<tool_calls>"),
                Variant.of(ToolCallFormat.NEMOTRON, "<TOOLCALL>"),
                Variant.of(
                        ToolCallFormat.INTERNLM,
                        "<|action_start|>",
                        "<|action_start|>",
                        "<|plugin|>",
                        "<|action_end|>"),
                Variant.of(ToolCallFormat.FIREFUNCTION, "functools["),
                Variant.of(ToolCallFormat.FUNCTIONARY, "<function="),
                Variant.of(ToolCallFormat.FUNCTIONARY_V3, ">>>all"),
                Variant.of(
                        ToolCallFormat.FUNCTIONARY_V2, "<|recipient|>all", "<|from|>", "<|recipient|>", "<|content|>"),
                Variant.of(
                        ToolCallFormat.MUSE_SPARK,
                        "<atem:function_calls> to=self<|message|>",
                        "<|start|>",
                        "<|message|>",
                        "<|eom|>"),
                Variant.of(ToolCallFormat.MINICPM5, "<function name=<param name="),
                Variant.of(ToolCallFormat.KIMI_K3, "<|open|>tools<|sep|>", "<|open|>", "<|sep|>", "<|close|>"),
                Variant.of(ToolCallFormat.GIGACHAT, "'function call'", "<|message_sep|>", "<|role_sep|>"),
                Variant.of(
                        ToolCallFormat.HARMONY,
                        "<|channel|><|message|>",
                        "<|channel|>",
                        "<|message|>",
                        "<|constrain|>",
                        "<|start|>",
                        "<|end|>",
                        "<|call|>"),
                Variant.of(ToolCallFormat.GENERIC, "tools"));
    }

    private static List<ToolSpecification> tools() {
        JsonObjectSchema order = JsonObjectSchema.builder()
                .addProperty("text", JsonRawSchema.from("{\"type\":\"string\",\"maxLength\":4}"))
                .addEnumProperty("unit", List.of("kg", "piece of", "1", "true"))
                .addProperty("count", JsonRawSchema.from("{\"type\":\"integer\",\"minimum\":1,\"maximum\":500}"))
                .addBooleanProperty("express")
                .addProperty("price", JsonRawSchema.from("{\"type\":\"number\",\"minimum\":0,\"maximum\":9}"))
                .addProperty(
                        "note",
                        JsonAnyOfSchema.builder()
                                .anyOf(
                                        JsonRawSchema.from("{\"type\":\"string\",\"maxLength\":3}"),
                                        new JsonNullSchema(),
                                        new JsonIntegerSchema())
                                .build())
                .required("text", "unit", "count", "note")
                .build();
        JsonObjectSchema nested = JsonObjectSchema.builder()
                .addProperty(
                        "items",
                        JsonArraySchema.builder()
                                .items(JsonReferenceSchema.builder()
                                        .reference("item")
                                        .build())
                                .build())
                .addProperty("flag", JsonRawSchema.from("{\"type\":[\"boolean\",\"null\"]}"))
                .required("items")
                .definitions(Map.of(
                        "item",
                        JsonObjectSchema.builder()
                                .addProperty("id", new JsonIntegerSchema())
                                .addProperty("done", new JsonBooleanSchema())
                                .addProperty("kind", JsonRawSchema.from("{\"enum\":[\"a\",\"b\",3]}"))
                                .required("id")
                                .build()))
                .build();
        return List.of(
                ToolSpecification.builder().name("order").parameters(order).build(),
                ToolSpecification.builder().name("save_all").parameters(nested).build(),
                ToolSpecification.builder().name("ping").build());
    }

    @ParameterizedTest
    @MethodSource("variants")
    void everyAnswerIsOneOrMoreValidCalls(Variant variant, @TempDir Path folder) throws Exception {
        long handles = LiveHandles.count();
        String template = "{# " + variant.clues + " #}{% for t in tools or [] %}{{ t.function.name }} {% endfor %}"
                + "{% for m in messages %}{{ m.content }}{% endfor %}:";
        assertThat(ToolCallFormat.detect(template)).isEqualTo(variant.format);
        Map<String, JsonNode> schemas = new HashMap<>();
        tools().forEach(tool -> schemas.put(tool.name(), JsonSchemas.ofArguments(tool.parameters())));
        try (MlxModel mlx = MlxModel.load(RandomModel.write(folder, template, variant.tokens, 3))) {
            List<String> called = new ArrayList<>();
            for (int seed = 0; seed < ANSWERS; seed++) {
                ChatResponse response = ask(mlx, tools(), ToolChoice.REQUIRED, null, seed);
                if (response.finishReason() == FinishReason.LENGTH) {
                    continue;
                }
                assertThat(response.aiMessage().toolExecutionRequests())
                        .as("seed %d: %s", seed, response.aiMessage())
                        .isNotEmpty();
                assertThat(response.aiMessage().text())
                        .as("seed %d: %s", seed, response.aiMessage())
                        .isNull();
                for (ToolExecutionRequest call : response.aiMessage().toolExecutionRequests()) {
                    called.add(call.name());
                    assertThat(JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
                                    .getSchema(schemas.get(call.name()))
                                    .validate(JSON.readTree(call.arguments())))
                            .as("seed %d: %s", seed, call)
                            .isEmpty();
                }
            }
            assertThat(called).hasSizeGreaterThanOrEqualTo(ANSWERS / 2);
            if (ANSWERS > 20) {
                assertThat(Set.copyOf(called)).hasSizeGreaterThan(1);
            }
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static ChatResponse ask(
            MlxModel mlx, List<ToolSpecification> tools, ToolChoice choice, ResponseFormat format, long seed) {
        return MlxChatModel.builder()
                .model(mlx)
                .temperature(1.0)
                .build()
                .chat(ChatRequest.builder()
                        .messages(UserMessage.from("Do it."))
                        .parameters(MlxChatRequestParameters.builder()
                                .toolSpecifications(tools)
                                .toolChoice(choice)
                                .responseFormat(format)
                                .maxOutputTokens(500)
                                .seed(seed)
                                .build())
                        .build());
    }

    @Test
    void everyFormatIsAmongThem() {
        Set<ToolCallFormat> missing = EnumSet.allOf(ToolCallFormat.class);
        variants().forEach(variant -> missing.remove(variant.format()));
        assertThat(missing).containsExactly(ToolCallFormat.NONE);
    }

    @Test
    void withAResponseFormatAnAnswerIsCallsOrJson(@TempDir Path folder) throws Exception {
        String template = "{# <tool_call> #}{% for m in messages %}{{ m.content }}{% endfor %}{{ tools }}";
        try (MlxModel mlx = MlxModel.load(RandomModel.write(folder, template, List.of(), 3))) {
            int calls = 0;
            int values = 0;
            ResponseFormat format = ResponseFormat.builder()
                    .type(ResponseFormatType.JSON)
                    .jsonSchema(JsonSchema.builder()
                            .name("Answer")
                            .rootElement(JsonObjectSchema.builder()
                                    .addIntegerProperty("a")
                                    .required("a")
                                    .build())
                            .build())
                    .build();
            for (int seed = 0; seed < 20; seed++) {
                ChatResponse response = ask(mlx, tools(), ToolChoice.AUTO, format, seed);
                if (response.aiMessage().hasToolExecutionRequests()) {
                    calls++;
                } else if (response.finishReason() == FinishReason.STOP) {
                    values++;
                    JsonNode answer = JSON.readTree(response.aiMessage().text());
                    assertThat(answer.path("a").isIntegralNumber()).isTrue();
                }
                ChatResponse none = ask(mlx, tools(), ToolChoice.NONE, format, seed);
                assertThat(none.aiMessage().hasToolExecutionRequests()).isFalse();
                assertThat(none.aiMessage().text()).startsWith("{");
            }
            assertThat(calls).isPositive();
            assertThat(values).isPositive();
        }
    }

    @Test
    void whatCannotBeRequiredIsRefused(@TempDir Path folder) {
        try (MlxModel mlx = MlxModel.load(RandomModel.write(folder, "{{ messages }}", List.of(), 3))) {
            assertThatThrownBy(() -> ask(mlx, tools(), ToolChoice.REQUIRED, null, 1))
                    .isInstanceOf(UnsupportedFeatureException.class)
                    .hasMessageContaining("ToolChoice.REQUIRED");
            assertThatThrownBy(() -> ask(mlx, List.of(), ToolChoice.REQUIRED, null, 1))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("toolChoice (REQUIRED)");
        }
    }
}
