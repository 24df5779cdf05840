package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.prompt.SchemaText;
import dev.langchain4j.model.output.structured.Description;
import dev.langchain4j.service.output.JsonSchemas;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * How many fields of records a real model fills, and fills right, without the schema in the prompt and with it in each
 * place: {@code -Dschema.model=FOLDER_OR_ID}.
 */
@EnabledIfSystemProperty(named = "schema.model", matches = ".+")
class SchemaInPromptBenchmark {
    private static final ObjectMapper JSON = new ObjectMapper();

    enum Mood {
        HAPPY,
        ANGRY,
        NEUTRAL
    }

    enum Priority {
        LOW,
        HIGH
    }

    enum Size {
        S,
        M,
        L
    }

    record Review(
            @Description("what was bought, in one or two words")
            String article,

            @Description("how the writer feels") Mood feeling,
            @Description("stars out of five") int rating) {}

    record Ticket(
            @Description("first name of the customer") String who,
            @Description("HIGH if nothing works any more") Priority urgency,
            @Description("room number") int place,
            @Description("the broken device") String subject) {}

    record Order(
            @Description("color of the shirt") String shade,
            Size size,
            @Description("number of pieces") int amount,
            @Description("city it is sent to") String destination) {}

    private record Case(Class<?> type, String text, Map<String, Object> right) {}

    private static Case review(String text, String article, Mood mood, int rating) {
        return new Case(Review.class, text, Map.of("article", article, "feeling", mood.name(), "rating", rating));
    }

    private static Case ticket(String text, String who, Priority urgency, int room, String device) {
        return new Case(
                Ticket.class, text, Map.of("who", who, "urgency", urgency.name(), "place", room, "subject", device));
    }

    private static Case order(String text, String color, Size size, int pieces, String city) {
        return new Case(
                Order.class, text, Map.of("shade", color, "size", size.name(), "amount", pieces, "destination", city));
    }

    private static final List<Case> CASES = List.of(
            review("I love this kettle! Five out of five stars.", "kettle", Mood.HAPPY, 5),
            review("The umbrella broke on day one. I am furious. One star.", "umbrella", Mood.ANGRY, 1),
            review("It is a lamp. It gives light. Three stars.", "lamp", Mood.NEUTRAL, 3),
            review("What a great backpack, I am so glad that I bought it: 4 stars.", "backpack", Mood.HAPPY, 4),
            review("Two stars for this keyboard, and I am really angry about it.", "keyboard", Mood.ANGRY, 2),
            ticket(
                    "This is Maria. The printer in room 12 makes a strange noise.",
                    "Maria",
                    Priority.LOW,
                    12,
                    "printer"),
            ticket("Peter here, room 301: the server is down, nobody can work!", "Peter", Priority.HIGH, 301, "server"),
            ticket("Hello, my name is Ann, the lamp in room 7 flickers a little.", "Ann", Priority.LOW, 7, "lamp"),
            ticket(
                    "Emergency! The elevator next to room 44 is stuck. Yours, Tom",
                    "Tom",
                    Priority.HIGH,
                    44,
                    "elevator"),
            ticket("Lisa from room 205. My monitor is a bit too dark.", "Lisa", Priority.LOW, 205, "monitor"),
            order("Please send 3 red shirts, size M, to Berlin.", "red", Size.M, 3, "Berlin"),
            order("I need a green shirt in L, just one, shipped to Oslo.", "green", Size.L, 1, "Oslo"),
            order("Twelve blue shirts for our kids, small ones, to Lisbon.", "blue", Size.S, 12, "Lisbon"),
            order("Can you ship 2 large black shirts to Paris?", "black", Size.L, 2, "Paris"),
            order("Ten white shirts of medium size go to Rome.", "white", Size.M, 10, "Rome"));

    @Test
    void fields() throws Exception {
        try (MlxModel mlx = MlxModel.load(System.getProperty("schema.model"))) {
            MlxChatModel chat = MlxChatModel.builder()
                    .model(mlx)
                    .temperature(0.0)
                    .maxOutputTokens(70)
                    .schemaInPrompt(false)
                    .build();
            run(chat, "without", (messages, schema) -> messages);
            run(
                    chat,
                    "in the system message",
                    (messages, schema) -> List.of(
                            SystemMessage.from(((SystemMessage) messages.getFirst()).text() + "\n\n"
                                    + SchemaText.of(schema.rootElement())),
                            messages.getLast()));
            run(chat, "behind the user message", SchemaText::in);
        }
    }

    private static void run(
            MlxChatModel chat, String name, BiFunction<List<ChatMessage>, JsonSchema, List<ChatMessage>> place)
            throws Exception {
        int fields = 0;
        int filled = 0;
        int right = 0;
        int tokens = 0;
        for (Case one : CASES) {
            JsonSchema schema = JsonSchemas.jsonSchemaFrom(one.type).orElseThrow();
            List<ChatMessage> messages = place.apply(
                    List.of(
                            SystemMessage.from("You extract data from texts."),
                            UserMessage.from("Extract the data of this text:\n" + one.text)),
                    schema);
            ChatResponse response = chat.chat(ChatRequest.builder()
                    .messages(messages)
                    .responseFormat(ResponseFormat.builder()
                            .type(ResponseFormatType.JSON)
                            .jsonSchema(schema)
                            .build())
                    .build());
            tokens += response.tokenUsage().inputTokenCount();
            JsonNode answer = read(response.aiMessage().text());
            for (Map.Entry<String, Object> field : one.right.entrySet()) {
                String value = answer.path(field.getKey()).asText("").strip();
                fields++;
                filled += value.isEmpty() || value.equals("0") ? 0 : 1;
                right +=
                        value.toLowerCase().contains(field.getValue().toString().toLowerCase())
                                        && sameNumber(field, value)
                                ? 1
                                : 0;
            }
            if (Boolean.getBoolean("schema.show")) {
                System.out.println(one.text + "\n  " + response.aiMessage().text());
            }
        }
        System.out.printf(
                "schema %s: %d of %d fields filled, %d right, %d prompt tokens%n", name, filled, fields, right, tokens);
    }

    private static boolean sameNumber(Map.Entry<String, Object> field, String value) {
        return !(field.getValue() instanceof Integer)
                || Objects.equals(field.getValue().toString(), value);
    }

    private static JsonNode read(String text) {
        try {
            return JSON.readTree(text);
        } catch (java.io.IOException cut) {
            return JSON.createObjectNode();
        }
    }
}
