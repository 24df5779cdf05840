package dev.langchain4j.model.mlx.samples;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxModel;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Replays held-out dialogues through the demo model, greedily: is each tool call and each answer right to the letter?
 */
public final class EvaluateSample {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final MlxChatModel chat;
    private final Map<String, int[]> turns = new TreeMap<>();
    private int toShow;

    private EvaluateSample(MlxModel mlx, int show) {
        this.chat = MlxChatModel.builder()
                .model(mlx)
                .temperature(0.0)
                .maxOutputTokens(200)
                .build();
        this.toShow = show;
    }

    /** Prints the share of dialogues that are wholly right. */
    public static void main(String[] args) throws IOException {
        Options options = Options.of(
                "evaluate",
                "How many held-out dialogues the model answers exactly as expected.",
                args,
                Options.withModel(
                        Options.text(
                                "dialogues", "FILE", "a file of dialogues; default: samples/demo-model/heldout.jsonl"),
                        Options.number("limit", 10, "only the first N"),
                        Options.number("show", 3, "prints the first N wrong turns; default: 3")));
        List<String> lines = Files.readAllLines(options.path("dialogues", "samples/demo-model/heldout.jsonl"));
        int limit = options.number("limit", lines.size());
        try (MlxModel mlx = options.loadModel()) {
            EvaluateSample evaluation = new EvaluateSample(mlx, options.number("show", 3));
            int right = 0;
            for (String line : lines.subList(0, limit)) {
                right += evaluation.dialogue(JSON.readTree(line)) ? 1 : 0;
            }
            evaluation.turns.forEach(
                    (kind, counts) -> System.out.printf("%-18s %4d of %4d right%n", kind, counts[0], counts[1]));
            System.out.printf("dialogues          %4d of %4d right: %.1f %%%n", right, limit, 100.0 * right / limit);
        }
    }

    private boolean dialogue(JsonNode dialogue) {
        List<ToolSpecification> tools = new ArrayList<>();
        dialogue.path("tools").forEach(tool -> tools.add(specification(tool.path("function"))));
        List<ChatMessage> messages = new ArrayList<>();
        boolean right = true;
        for (JsonNode message : dialogue.path("messages")) {
            ChatMessage next = message(message);
            if (next instanceof AiMessage wanted) {
                right &= turn(messages, tools, wanted);
            }
            messages.add(next);
        }
        return right;
    }

    private boolean turn(List<ChatMessage> messages, List<ToolSpecification> tools, AiMessage wanted) {
        ChatRequest request = ChatRequest.builder()
                .messages(messages)
                .toolSpecifications(tools)
                .build();
        AiMessage said = chat.chat(request).aiMessage();
        boolean right =
                calls(said).equals(calls(wanted)) && String.valueOf(said.text()).equals(String.valueOf(wanted.text()));
        String kind = wanted.hasToolExecutionRequests()
                ? "tool calls"
                : tools.isEmpty() ? "answers, no tools" : "answers, tools";
        int[] counts = turns.computeIfAbsent(kind, k -> new int[2]);
        counts[0] += right ? 1 : 0;
        counts[1]++;
        if (!right && toShow-- > 0) {
            System.out.println("after:  " + messages.getLast());
            System.out.println("wanted: " + calls(wanted) + " " + wanted.text());
            System.out.println("said:   " + calls(said) + " " + said.text() + "\n");
        }
        return right;
    }

    /** Names and arguments as JSON values: spaces and the order of keys do not count. */
    private static List<List<Object>> calls(AiMessage message) {
        List<List<Object>> calls = new ArrayList<>();
        for (ToolExecutionRequest call : message.toolExecutionRequests()) {
            calls.add(List.of(call.name(), read(call.arguments())));
        }
        return calls;
    }

    private static JsonNode read(String json) {
        try {
            return JSON.readTree(json);
        } catch (IOException e) {
            return JSON.getNodeFactory().textNode(json);
        }
    }

    private static ChatMessage message(JsonNode message) {
        String content = message.path("content").asText();
        return switch (message.path("role").asText()) {
            case "system" -> SystemMessage.from(content);
            case "user" -> UserMessage.from(content);
            case "tool" -> ToolExecutionResultMessage.from("", "", content);
            default -> assistant(message, content);
        };
    }

    private static AiMessage assistant(JsonNode message, String content) {
        List<ToolExecutionRequest> calls = new ArrayList<>();
        for (JsonNode call : message.path("tool_calls")) {
            JsonNode function = call.path("function");
            calls.add(ToolExecutionRequest.builder()
                    .name(function.path("name").asText())
                    .arguments(function.path("arguments").toString())
                    .build());
        }
        return AiMessage.builder()
                .text(content.isEmpty() ? null : content)
                .toolExecutionRequests(calls)
                .build();
    }

    private static ToolSpecification specification(JsonNode function) {
        JsonObjectSchema.Builder parameters = JsonObjectSchema.builder();
        function.path("parameters").path("properties").properties().forEach(e -> {
            switch (e.getValue().path("type").asText()) {
                case "integer" -> parameters.addIntegerProperty(e.getKey());
                case "number" -> parameters.addNumberProperty(e.getKey());
                case "boolean" -> parameters.addBooleanProperty(e.getKey());
                default -> parameters.addStringProperty(e.getKey());
            }
        });
        List<String> required = new ArrayList<>();
        function.path("parameters").path("required").forEach(name -> required.add(name.asText()));
        return ToolSpecification.builder()
                .name(function.path("name").asText())
                .description(function.path("description").asText(null))
                .parameters(parameters.required(required).build())
                .build();
    }
}
