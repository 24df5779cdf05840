package dev.langchain4j.model.mlx.prompt;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What chat memories hand over, and the chat templates that have to say it. */
public final class Histories {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The tool of all histories of our own. */
    static final List<Map<String, Object>> WEATHER = ToolMapper.map(List.of(ToolSpecification.builder()
            .name("weather")
            .description("weather")
            .parameters(JsonObjectSchema.builder()
                    .addStringProperty("city")
                    .required("city")
                    .build())
            .build()));

    private Histories() {}

    /**
     * A history.
     *
     * @param words what has to stand in the prompt, in this order
     */
    record History(String id, List<Map<String, Object>> tools, List<ChatMessage> messages, List<String> words) {

        boolean has(Class<? extends ChatMessage> kind) {
            return messages.stream().anyMatch(kind::isInstance);
        }

        boolean hasCalls() {
            return messages.stream()
                    .anyMatch(m -> m instanceof ToolExecutionResultMessage
                            || m instanceof AiMessage ai && ai.hasToolExecutionRequests());
        }

        RenderResult render(ChatTemplate template) {
            return template.render(MessageMapper.map(messages), tools, Map.of());
        }

        /** A plain conversation of the kinds that this one uses. */
        History plain() {
            List<ChatMessage> plain = new ArrayList<>();
            List<String> words = new ArrayList<>(List.of("PLAIN1"));
            if (has(SystemMessage.class)) {
                plain.add(SystemMessage.from("Be brief."));
            }
            plain.add(UserMessage.from("hello PLAIN1"));
            if (hasCalls()) {
                ToolExecutionRequest call = call("Qx7aBc9De", "weather", "{\"city\": \"Oslo\"}");
                plain.add(AiMessage.from(call));
                plain.add(ToolExecutionResultMessage.from(call, "PLAIN2"));
                words.add("PLAIN2");
            } else if (has(AiMessage.class)) {
                plain.add(AiMessage.from("hi PLAIN2"));
                plain.add(UserMessage.from("and now? PLAIN3"));
                words.addAll(List.of("PLAIN2", "PLAIN3"));
            }
            return new History("plain", tools, plain, words);
        }

        /** Whether a template can render that: it refuses nothing, and writes what was said. */
        boolean isFor(ChatTemplate template) {
            History plain = plain();
            try {
                return missing(plain.words, plain.render(template).text()) == null;
            } catch (LangChain4jException e) {
                return false;
            }
        }
    }

    static ToolExecutionRequest call(String id, String name, String arguments) {
        return ToolExecutionRequest.builder()
                .id(id)
                .name(name)
                .arguments(arguments)
                .build();
    }

    static List<History> read(Path file) throws IOException {
        List<History> histories = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            if (!line.isBlank()) {
                histories.add(history(JSON.readTree(line)));
            }
        }
        return histories;
    }

    private static History history(JsonNode json) {
        List<ChatMessage> messages = new ArrayList<>();
        json.get("messages").forEach(message -> messages.add(message(message)));
        List<String> words = new ArrayList<>();
        json.path("contains_in_order").forEach(word -> words.add(word.asText()));
        List<Map<String, Object>> tools = JSON.convertValue(json.path("tools"), new TypeReference<>() {});
        return new History(json.get("id").asText(), tools == null ? List.of() : tools, messages, words);
    }

    private static ChatMessage message(JsonNode json) {
        return switch (json.get("role").asText()) {
            case "system" -> SystemMessage.from(json.get("text").asText());
            case "user" ->
                UserMessage.builder()
                        .name(json.path("name").asText(null))
                        .contents(texts(json))
                        .build();
            case "ai" -> answer(json);
            case "tool" ->
                ToolExecutionResultMessage.builder()
                        .id(json.path("id").asText(null))
                        .toolName(json.path("name").asText(null))
                        .contents(texts(json))
                        .build();
            default -> throw new IllegalArgumentException("role of " + json);
        };
    }

    private static AiMessage answer(JsonNode json) {
        List<ToolExecutionRequest> calls = new ArrayList<>();
        for (JsonNode call : json.path("calls")) {
            JsonNode arguments = call.path("arguments");
            calls.add(call(
                    call.path("id").asText(null),
                    call.path("name").asText(null),
                    arguments.isTextual()
                            ? arguments.asText()
                            : arguments.isMissingNode() ? null : arguments.toString()));
        }
        return AiMessage.builder()
                .text(json.path("text").asText(null))
                .thinking(json.path("thinking").asText(null))
                .toolExecutionRequests(calls)
                .build();
    }

    private static List<Content> texts(JsonNode json) {
        List<Content> texts = new ArrayList<>();
        JsonNode text = json.path("text");
        if (text.isArray()) {
            text.forEach(one -> texts.add(TextContent.from(one.asText())));
        } else {
            texts.add(TextContent.from(text.asText("")));
        }
        return texts;
    }

    /** What is wrong with a rendered text: a word that does not stand behind the ones before it; null if nothing is. */
    static String missing(List<String> words, String text) {
        int from = 0;
        for (String word : words) {
            int at = text.indexOf(word, from);
            if (at < 0) {
                return word;
            }
            from = at + word.length();
        }
        return null;
    }

    /**
     * The sources of this project's templates, and with {@code -Dgoldens=DIR} of all of {@code DIR/templates}, by name.
     */
    public static Map<String, String> sources() throws IOException {
        Map<String, String> sources = new LinkedHashMap<>();
        sources.put("demo", Files.readString(DemoModel.folder().resolve("chat_template.jinja")));
        OwnTemplates.ALL.forEach((name, source) -> sources.put("own-" + name, source));
        for (FallbackTemplate fallback : FallbackTemplate.values()) {
            sources.put("fallback-" + fallback, fallback.source());
        }
        sources.putAll(OddTemplates.ALL);
        if (!System.getProperty("goldens", "").isEmpty()) {
            Path given = Goldens.folder("templates");
            for (JsonNode entry : JSON.readTree(given.resolve("manifest.json").toFile())) {
                sources.put(
                        entry.get("name").asText(),
                        Files.readString(given.resolve(entry.get("file").asText())));
            }
        }
        String chosen = System.getProperty("templates", "");
        sources.keySet().removeIf(name -> !name.contains(chosen));
        return sources;
    }

    /** The same, loaded; a folder gets what they need beside. */
    public static Map<String, ChatTemplate> templates(Path folder) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}");
        Map<String, ChatTemplate> templates = new LinkedHashMap<>();
        sources().forEach((name, source) -> templates.put(name, ChatTemplate.load(folder, source, token -> false)));
        return templates;
    }
}
