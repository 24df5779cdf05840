package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.testing.RealModels;
import dev.langchain4j.model.output.FinishReason;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * A released chat model gives the answers that mlx-lm gives ({@code scripts/record_real.py} wrote them down), turn by
 * turn from the prompt cache, alone and beside others; and keeps to schemas and seeds.
 */
@EnabledIfSystemProperty(named = RealModels.PROPERTY, matches = ".+")
class RealChatTest {
    private static final int AT_ONCE = 8;

    private static long handles;
    private static JsonNode recorded;
    private static MlxModel model;
    private static MlxChatModel chat;

    @BeforeAll
    static void load() throws IOException {
        handles = LiveHandles.count();
        recorded = RealModels.recorded("chat");
        assertThat(recorded.path("conversations")).isNotEmpty();
        model = MlxModel.builder()
                .modelPath(RealModels.chat())
                .maxConcurrent(AT_ONCE)
                .build();
        chat = MlxChatModel.builder().model(model).build();
    }

    @AfterAll
    static void close() {
        model.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static ChatResponse ask(List<ChatMessage> messages, MlxChatRequestParameters parameters) {
        return chat.chat(
                ChatRequest.builder().messages(messages).parameters(parameters).build());
    }

    private static ChatResponse ask(String question, MlxChatRequestParameters parameters) {
        return ask(List.of(UserMessage.from(question)), parameters);
    }

    /**
     * A conversation as it was recorded; each turn behind its first one finds at least the last prompt in the cache.
     */
    private static void converse(JsonNode turns) {
        List<ChatMessage> messages = new ArrayList<>(
                List.of(SystemMessage.from(recorded.path("system").asText())));
        int known = 0;
        for (JsonNode turn : turns) {
            messages.add(UserMessage.from(turn.path("user").asText()));
            boolean ended = turn.path("ended").asBoolean();
            ChatResponse response = ask(
                    messages,
                    MlxChatRequestParameters.builder()
                            .temperature(0.0)
                            .maxOutputTokens(turn.path("tokens").asInt())
                            .build());
            assertThat(response.aiMessage().text())
                    .as(turn.path("user").asText())
                    .isEqualTo(turn.path("text").asText());
            assertThat(response.finishReason()).isEqualTo(ended ? FinishReason.STOP : FinishReason.LENGTH);
            MlxTokenUsage usage = (MlxTokenUsage) response.tokenUsage();
            assertThat(usage.inputTokenCount()).isEqualTo(turn.path("prompt").asInt());
            assertThat(usage.cachedTokens()).isGreaterThanOrEqualTo(known);
            known = usage.inputTokenCount();
            messages.add(response.aiMessage());
        }
    }

    private static void atOnce(List<Callable<Void>> tasks) throws Exception {
        try (ExecutorService callers = Executors.newFixedThreadPool(AT_ONCE)) {
            for (Future<Void> caller : callers.invokeAll(tasks)) {
                caller.get();
            }
        }
    }

    @Test
    void answersAreThoseOfMlxLmTurnByTurn() {
        recorded.path("conversations").forEach(RealChatTest::converse);
    }

    @Test
    void answersAreThoseOfMlxLmBesideSevenOthers() throws Exception {
        List<Callable<Void>> tasks = new ArrayList<>();
        for (JsonNode turns : recorded.path("conversations")) {
            tasks.add(() -> {
                converse(turns);
                return null;
            });
        }
        atOnce(tasks);
    }

    @Test
    void aSchemaHolds() throws IOException {
        JsonObjectSchema city = JsonObjectSchema.builder()
                .addStringProperty("name")
                .addStringProperty("country")
                .addIntegerProperty("inhabitants")
                .addBooleanProperty("capital")
                .required("name", "country", "inhabitants", "capital")
                .build();
        ResponseFormat format = ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(JsonSchema.builder().name("city").rootElement(city).build())
                .build();
        for (double temperature : new double[] {0, 1}) {
            ChatResponse response = ask(
                    "Paris is the capital of France. About 2100000 people live there.",
                    MlxChatRequestParameters.builder()
                            .temperature(temperature)
                            .seed(1L)
                            .responseFormat(format)
                            .maxOutputTokens(200)
                            .build());
            assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
            JsonNode json = new ObjectMapper().readTree(response.aiMessage().text());
            assertThat(json.properties())
                    .extracting(Map.Entry::getKey)
                    .containsExactlyInAnyOrder("name", "country", "inhabitants", "capital");
            assertThat(json.path("inhabitants").isIntegralNumber()).isTrue();
            assertThat(json.path("capital").isBoolean()).isTrue();
            if (temperature == 0) {
                assertThat(json.path("name").asText()).isEqualTo("Paris");
            }
        }
    }

    @Test
    void aSeedGivesTheSameTextAloneAndBesideOthers() throws Exception {
        String question = "Tell me a story about a fox.";
        String alone = story(question, 5L);
        assertThat(story(question, 5L)).isEqualTo(alone);
        assertThat(story(question, 6L)).isNotEqualTo(alone);
        List<Callable<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < AT_ONCE; i++) {
            long seed = i;
            tasks.add(() -> {
                String told = story(question, seed);
                if (seed == 5) {
                    assertThat(told).isEqualTo(alone);
                }
                return null;
            });
        }
        atOnce(tasks);
    }

    private static String story(String question, long seed) {
        return ask(
                        question,
                        MlxChatRequestParameters.builder()
                                .temperature(0.8)
                                .seed(seed)
                                .maxOutputTokens(30)
                                .build())
                .aiMessage()
                .text();
    }
}
