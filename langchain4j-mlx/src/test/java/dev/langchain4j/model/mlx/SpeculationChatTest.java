package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.generate.AllDrafts;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The drafters at work, with a model that was trained: each kind drafts what the model says, and changes no answer. */
class SpeculationChatTest {
    private static final List<ToolSpecification> TOOLS = List.of(
            ToolSpecification.builder()
                    .name("get_weather")
                    .description("The weather in a city")
                    .parameters(JsonObjectSchema.builder()
                            .addStringProperty("city")
                            .addEnumProperty("temperature_unit", List.of("celsius", "fahrenheit"))
                            .required("city", "temperature_unit")
                            .build())
                    .build(),
            ToolSpecification.builder()
                    .name("search_trains")
                    .description("Trains between two cities")
                    .parameters(JsonObjectSchema.builder()
                            .addStringProperty("departure_city")
                            .addStringProperty("arrival_city")
                            .required("departure_city", "arrival_city")
                            .build())
                    .build());

    private static long handles;
    private static MlxModel plain;
    private static MlxModel drafting;

    @BeforeAll
    static void load() {
        handles = LiveHandles.count();
        plain = MlxModel.builder()
                .modelPath(DemoModel.folder())
                .speculation(Speculation.OFF)
                .build();
        drafting = MlxModel.load(DemoModel.folder());
        AllDrafts.of(drafting.engine());
    }

    @AfterAll
    static void close() {
        plain.close();
        drafting.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** The drafts of some answers, which must be the same on both sides. */
    private static Map<DraftKind, DraftCounts> ask(MlxChatRequestParameters parameters, String... questions) {
        Map<DraftKind, DraftCounts> counts = new EnumMap<>(DraftKind.class);
        MlxChatModel without =
                MlxChatModel.builder().model(plain).temperature(0.0).build();
        MlxChatModel with =
                MlxChatModel.builder().model(drafting).temperature(0.0).build();
        for (String question : questions) {
            ChatRequest request = ChatRequest.builder()
                    .messages(SystemMessage.from("You are a helpful travel assistant."), UserMessage.from(question))
                    .parameters(MlxChatRequestParameters.builder()
                            .maxOutputTokens(60)
                            .overrideWith(parameters)
                            .build())
                    .build();
            ChatResponse expected = without.chat(request);
            ChatResponse response = with.chat(request);
            assertSame(response.aiMessage(), expected.aiMessage());
            assertThat(response.finishReason()).isEqualTo(expected.finishReason());
            assertThat(((MlxTokenUsage) expected.tokenUsage()).drafts()).isEmpty();
            Map<DraftKind, DraftCounts> drafts = ((MlxTokenUsage) response.tokenUsage()).drafts();
            counts = DraftCounts.sum(counts, drafts);
        }
        return counts;
    }

    private static void assertSame(AiMessage got, AiMessage want) {
        assertThat(got.text()).isEqualTo(want.text());
        assertThat(calls(got)).isEqualTo(calls(want));
    }

    private static List<String> calls(AiMessage message) {
        List<String> calls = new ArrayList<>();
        message.toolExecutionRequests().forEach(call -> calls.add(call.name() + call.arguments()));
        return calls;
    }

    private static MlxChatRequestParameters tools(ToolChoice choice) {
        return MlxChatRequestParameters.builder()
                .toolSpecifications(TOOLS)
                .toolChoice(choice)
                .build();
    }

    @Test
    void requiredCalls() {
        Map<DraftKind, DraftCounts> drafts = ask(
                tools(ToolChoice.REQUIRED),
                "What is the weather like in Rome?",
                "I want to go from Paris to Berlin.",
                "Is it warm in Oslo?");
        assertThat(drafts).containsKey(DraftKind.FORCED);
        DraftCounts forced = drafts.get(DraftKind.FORCED);
        System.out.println("required calls: " + drafts);
        assertThat(forced.accepted()).isGreaterThanOrEqualTo(forced.drafted() * 3 / 4);
    }

    @Test
    void callsThatTheModelBeginsByItself() {
        Map<DraftKind, DraftCounts> drafts = Map.of();
        // the grammar is compiled beside the first request
        for (int i = 0; i < 50 && !drafts.containsKey(DraftKind.SYNTAX); i++) {
            drafts = ask(
                    tools(ToolChoice.AUTO),
                    "What is the weather like in Rome, question " + i + "?",
                    "Please find me a train from Paris to Berlin, number " + i + ".");
        }
        System.out.println("calls: " + drafts);
        assertThat(drafts).containsKey(DraftKind.SYNTAX);
        assertThat(drafts.get(DraftKind.SYNTAX).accepted()).isPositive();
    }

    @Test
    void aSchema() {
        JsonObjectSchema trip = JsonObjectSchema.builder()
                .addStringProperty("departure_city")
                .addStringProperty("arrival_city")
                .addIntegerProperty("number_of_passengers")
                .addBooleanProperty("first_class_wanted")
                .required("departure_city", "arrival_city", "number_of_passengers", "first_class_wanted")
                .build();
        ResponseFormat format = ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(JsonSchema.builder().name("trip").rootElement(trip).build())
                .build();
        Map<DraftKind, DraftCounts> drafts = ask(
                MlxChatRequestParameters.builder().responseFormat(format).build(),
                "Two of us go from Lisbon to Porto.",
                "One ticket from Paris to Berlin, first class.");
        System.out.println("a schema: " + drafts);
        assertThat(drafts.get(DraftKind.FORCED).accepted()).isPositive();
    }

    @Test
    void theAnswerToTheSamePrompt() {
        MlxChatRequestParameters none = MlxChatRequestParameters.builder().build();
        String question = "Hello, who are you?";
        Map<DraftKind, DraftCounts> drafts = ask(none, question, question);
        System.out.println("again: " + drafts);
        DraftCounts continued = drafts.get(DraftKind.CONTINUED);
        assertThat(continued.accepted()).isPositive().isEqualTo(continued.drafted());
    }
}
