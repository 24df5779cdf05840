package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.grammar.JsonSchemas;
import dev.langchain4j.model.mlx.testing.RandomModel;
import dev.langchain4j.model.mlx.testing.Seeds;
import dev.langchain4j.model.output.FinishReason;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Answers conform to their schema whatever the model is: here one of random weights, which draws at temperature 1. */
class StructuredOutputTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final int SCHEMAS = Integer.getInteger("random.schemas", 200);
    private static final String TEMPLATE =
            "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: ";

    @TempDir
    private static Path folder;

    private static long handlesBefore;
    private static MlxModel mlx;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        mlx = MlxModel.load(RandomModel.write(folder.resolve("random"), TEMPLATE, List.of(), 7));
    }

    @AfterAll
    static void nothingIsLeft() {
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static ResponseFormat format(JsonSchemaElement root) {
        return ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(
                        JsonSchema.builder().name("Answer").rootElement(root).build())
                .build();
    }

    private static ChatResponse ask(MlxModel model, ResponseFormat format, int maxTokens, long seed) {
        return MlxChatModel.builder()
                .model(model)
                .temperature(1.0)
                .build()
                .chat(ChatRequest.builder()
                        .messages(UserMessage.from("Say something."))
                        .parameters(MlxChatRequestParameters.builder()
                                .responseFormat(format)
                                .maxOutputTokens(maxTokens)
                                .seed(seed)
                                .build())
                        .build());
    }

    private static Set<ValidationMessage> faults(JsonNode schema, JsonNode value) {
        return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
                .getSchema(schema)
                .validate(finite(value));
    }

    /** The validator divides doubles: a whole number that has more digits, but is a multiple of five, stays one. */
    private static BigInteger rounded(BigInteger value) {
        if (value.mod(BigInteger.valueOf(5)).signum() != 0) {
            return value;
        }
        BigInteger unit = BigInteger.valueOf(5).shiftLeft(value.bitLength() - 48);
        return value.divide(unit).multiply(unit);
    }

    /** JSON has numbers beyond a double, which the validator cannot compare: the largest one stands for them. */
    private static JsonNode finite(JsonNode value) {
        if (value.isDouble() && Double.isInfinite(value.doubleValue())) {
            return JSON.getNodeFactory().numberNode(Math.copySign(Double.MAX_VALUE, value.doubleValue()));
        }
        if (value.isIntegralNumber() && value.bigIntegerValue().bitLength() > 53) {
            return JSON.getNodeFactory().numberNode(rounded(value.bigIntegerValue()));
        }
        if (value instanceof ArrayNode list) {
            for (int i = 0; i < list.size(); i++) {
                list.set(i, finite(list.get(i)));
            }
        }
        if (value instanceof ObjectNode object) {
            object.properties().forEach(property -> property.setValue(finite(property.getValue())));
        }
        return value;
    }

    @Test
    void everyFinishedAnswerConformsToItsSchema() throws Exception {
        long seed = Seeds.seed(StructuredOutputTest.class);
        Random random = new Random(seed);
        RandomSchemas schemas = new RandomSchemas(random);
        int finished = 0;
        int refused = 0;
        for (int i = 0; i < SCHEMAS; i++) {
            JsonSchemaElement schema = schemas.object();
            String what = "schema " + i + " of seed " + seed + ": " + JsonSchemas.of(schema);
            ChatResponse response;
            try {
                response = ask(mlx, format(schema), 250, i);
            } catch (UnsupportedFeatureException e) {
                refused++;
                System.out.println(what + " " + e.getMessage());
                continue;
            }
            assertThat(response.aiMessage().hasToolExecutionRequests()).isFalse();
            if (response.finishReason() == FinishReason.LENGTH) {
                assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(250);
                continue;
            }
            finished++;
            JsonNode answer = JSON.readTree(response.aiMessage().text());
            assertThat(faults(JsonSchemas.of(schema), answer))
                    .as("%s%nanswer %s", what, response.aiMessage().text())
                    .isEmpty();
        }
        System.out.println(finished + " of " + SCHEMAS + " random answers came to an end, and conform");
        assertThat(refused).isZero();
        assertThat(finished).as("answers that came to an end").isGreaterThan(SCHEMAS * 9 / 10);
    }

    @Test
    void withoutASchemaTheAnswerIsSomeJsonObject() throws Exception {
        for (int seed = 0; seed < 10; seed++) {
            ChatResponse response = ask(mlx, ResponseFormat.JSON, 300, seed);
            String text = response.aiMessage().text();
            assertThat(text).startsWith("{");
            if (response.finishReason() == FinishReason.STOP) {
                assertThat(JSON.readTree(text).isObject()).isTrue();
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{\"type\":\"array\",\"items\":{\"type\":\"boolean\"},\"minItems\":2,\"maxItems\":4}",
                "{\"enum\":[\"a\",\"b c\"]}",
                "{\"anyOf\":[{\"type\":\"null\"},{\"const\":3}]}",
                "{\"$ref\":\"#/definitions/x\",\"definitions\":{\"x\":{\"type\":\"integer\",\"maximum\":-1}}}",
                "{\"type\":\"string\",\"pattern\":\"^[\\\\u0001-\\\\u0003]{2}$\"}",
                "{\"enum\":[\"\\u0001\"]}"
            })
    void theRootMayBeAnyValue(String raw) throws Exception {
        for (int seed = 0; seed < 5; seed++) {
            ChatResponse response = ask(mlx, format(JsonRawSchema.from(raw)), 100, seed);
            assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
            JsonNode answer = JSON.readTree(response.aiMessage().text());
            assertThat(faults(JSON.readTree(raw), answer))
                    .as(response.toString())
                    .isEmpty();
        }
    }

    @Test
    void whitespaceCannotRunAway() {
        for (int seed = 0; seed < 20; seed++) {
            String raw = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[\"a\"]}";
            String text = ask(mlx, format(JsonRawSchema.from(raw)), 500, seed)
                    .aiMessage()
                    .text();
            assertThat(text.replaceAll("\\s", "")).isEqualTo("{\"a\":null}");
            assertThat(text).doesNotContainPattern("\\n[ \t]*\n").doesNotContainPattern("[ \t]{41}");
        }
    }

    @Test
    void anAnswerThatTheLimitCutsSaysSo() {
        String raw =
                "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"minLength\":500}},\"required\":[\"a\"]}";
        ChatResponse response = ask(mlx, format(JsonRawSchema.from(raw)), 20, 1);
        assertThat(response.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(20);
    }

    @Test
    void anAnswerThatIsWholeAtTheLimitIsNotCalledCut() {
        ChatResponse whole = ask(mlx, format(JsonRawSchema.from("{\"const\":[true]}")), 100, 1);
        int tokens = whole.tokenUsage().outputTokenCount() - 1;
        ChatResponse response = ask(mlx, format(JsonRawSchema.from("{\"const\":[true]}")), tokens, 1);
        assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(response.aiMessage().text()).isEqualTo(whole.aiMessage().text());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{\"type\":\"array\",\"uniqueItems\":true}; uniqueItems",
                "{\"not\":{\"type\":\"null\"}}; not",
                "{\"type\":\"object\",\"minProperties\":3}; minProperties",
                "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}; oneOf",
                "{\"$ref\":\"http://example.com/other\"}; example.com"
            })
    void whatTheMaskCannotKeepIsRefusedByName(String raw, String named) {
        assertThatThrownBy(() -> ask(mlx, format(JsonRawSchema.from(raw)), 10, 1))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContainingAll(named, "not supported");
    }

    @Test
    void aSchemaThatIsNoneIsABadRequest() {
        assertThatThrownBy(() -> ask(mlx, format(JsonRawSchema.from("[1, 2")), 10, 1))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("not JSON");
        assertThatThrownBy(() -> ask(mlx, format(JsonRawSchema.from("[1, 2]")), 10, 1))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("must be a JSON object");
        String nothing = "{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}";
        assertThatThrownBy(() -> ask(mlx, format(JsonRawSchema.from(nothing)), 10, 1))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("no value conforms");
    }

    @Test
    void theSameSeedGivesTheSameAnswer() {
        ResponseFormat format = format(JsonRawSchema.from("{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}"));
        String once = ask(mlx, format, 200, 5).aiMessage().text();
        assertThat(ask(mlx, format, 200, 5).aiMessage().text()).isEqualTo(once);
        assertThat(ask(mlx, format, 200, 6).aiMessage().text()).isNotEqualTo(once);
    }

    @Test
    void penaltiesBiasAndFiltersChooseAmongWhatIsAllowed() throws Exception {
        int brace = mlx.tokenizer().encode("[", false)[0];
        MlxChatModel chat = MlxChatModel.builder()
                .model(mlx)
                .temperature(2.0)
                .topP(0.8)
                .topK(5)
                .minP(0.01)
                .defaultRequestParameters(MlxChatRequestParameters.builder()
                        .xtcProbability(0.5)
                        .xtcThreshold(0.1)
                        .build())
                .repetitionPenalty(1.8)
                .presencePenalty(3.0)
                .frequencyPenalty(2.0)
                .logitBias(Map.of(brace, -100.0))
                .maxOutputTokens(200)
                .responseFormat(format(JsonRawSchema.from(
                        "{\"type\":\"array\",\"items\":{\"type\":\"boolean\"},\"minItems\":3,\"maxItems\":5}")))
                .build();
        for (int i = 0; i < 10; i++) {
            JsonNode answer = JSON.readTree(chat.chat("Say " + i));
            assertThat(answer.size()).isBetween(3, 5);
        }
    }

    @Test
    void reasoningIsFreeAndTheAnswerBehindItConforms() throws Exception {
        String template = TEMPLATE + "{% if enable_thinking %}<think>\n{% endif %}{# </think> #}";
        String raw = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"}},\"required\":[\"a\"]}";
        Path path = RandomModel.write(folder.resolve("think"), template, List.of("<think>", "</think>"), 8);
        try (MlxModel reasoning = MlxModel.load(path)) {
            int close = reasoning.tokenizer().encode("</think>", false)[0];
            MlxChatModel chat = MlxChatModel.builder()
                    .model(reasoning)
                    .temperature(1.0)
                    .logitBias(Map.of(close, 5.0))
                    .maxOutputTokens(200)
                    .responseFormat(format(JsonRawSchema.from(raw)))
                    .returnThinking(true)
                    .think(true)
                    .build();
            int thought = 0;
            for (long seed = 0; seed < 12; seed++) {
                ChatResponse response = chat.chat(ChatRequest.builder()
                        .messages(UserMessage.from("Think."))
                        .parameters(
                                MlxChatRequestParameters.builder().seed(seed).build())
                        .build());
                if (response.finishReason() == FinishReason.LENGTH) {
                    assertThat(response.aiMessage().text()).isNull();
                    continue;
                }
                thought += response.aiMessage().thinking() == null ? 0 : 1;
                JsonNode answer = JSON.readTree(response.aiMessage().text());
                assertThat(answer.path("a").isBoolean()).as(response.toString()).isTrue();
            }
            assertThat(thought).isGreaterThan(6);
        }
    }

    @Test
    void theModelsSaySo() {
        assertThat(MlxChatModel.builder().model(mlx).build().supportedCapabilities())
                .containsExactly(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
        assertThat(MlxStreamingChatModel.builder().model(mlx).build().supportedCapabilities())
                .containsExactly(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
    }
}
