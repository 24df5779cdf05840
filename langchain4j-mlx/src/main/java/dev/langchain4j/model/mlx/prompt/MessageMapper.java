package dev.langchain4j.model.mlx.prompt;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.CustomMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Messages as chat templates expect them: Hugging Face's chat format, with tool arguments as objects and reasoning in
 * {@code reasoning_content}.
 */
final class MessageMapper {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private static final int ID_LENGTH = 9;
    private static final long FNV_BASIS = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;

    private MessageMapper() {}

    /** Messages of texts only. */
    static List<Map<String, Object>> map(List<ChatMessage> messages) {
        return map(messages, false);
    }

    /**
     * Maps messages.
     *
     * @param sees whether images are mapped, to a part of a list each; else they are refused
     */
    static List<Map<String, Object>> map(List<ChatMessage> messages, boolean sees) {
        List<Map<String, Object>> mapped = new ArrayList<>(messages.size());
        for (ChatMessage message : messages) {
            mapped.add(map(message, sees));
        }
        return mapped;
    }

    static Map<String, Object> map(ChatMessage message, boolean sees) {
        return switch (message) {
            case SystemMessage system -> message("system", system.text());
            case UserMessage user -> user(user, sees);
            case AiMessage ai -> assistant(ai);
            case ToolExecutionResultMessage result -> toolResult(result, sees);
            case CustomMessage custom -> attributes(custom.attributes());
            default ->
                throw new UnsupportedFeatureException(
                        "messages of type " + message.type() + " are not supported by this model");
        };
    }

    /** Sorted by name behind role and content: a map of attributes may have another order in each start of the JVM. */
    private static Map<String, Object> attributes(Map<String, Object> attributes) {
        Map<String, Object> mapped = new LinkedHashMap<>();
        for (String first : List.of("role", "content")) {
            if (attributes.containsKey(first)) {
                mapped.put(first, attributes.get(first));
            }
        }
        new TreeMap<>(attributes).forEach(mapped::putIfAbsent);
        return mapped;
    }

    private static Map<String, Object> user(UserMessage user, boolean sees) {
        Map<String, Object> mapped = message("user", content(user.contents(), sees));
        if (user.name() != null) {
            mapped.put("name", user.name());
        }
        return mapped;
    }

    private static Map<String, Object> assistant(AiMessage ai) {
        Map<String, Object> mapped = message("assistant", ai.text() == null ? "" : ai.text());
        if (!ai.images().isEmpty()) {
            throw new UnsupportedFeatureException("images in messages are not supported by this model");
        }
        // AiMessage.audios() is these; LangChain4j has it since 1.23.
        if (ai.attributes().get("generated_audio") instanceof List<?> audios && !audios.isEmpty()) {
            throw new UnsupportedFeatureException("audio in messages is not supported by this model");
        }
        if (ai.thinking() != null) {
            mapped.put("reasoning_content", ai.thinking());
            mapped.put("thinking", ai.thinking());
        }
        if (ai.hasToolExecutionRequests()) {
            List<Map<String, Object>> calls = new ArrayList<>();
            for (ToolExecutionRequest request : ai.toolExecutionRequests()) {
                calls.add(toolCall(request));
            }
            mapped.put("tool_calls", calls);
        }
        return mapped;
    }

    private static Map<String, Object> toolCall(ToolExecutionRequest request) {
        Map<String, Object> function = new LinkedHashMap<>();
        function.put("name", request.name() == null ? "" : request.name());
        function.put("arguments", arguments(request.arguments()));
        Map<String, Object> call = new LinkedHashMap<>();
        if (request.id() != null) {
            call.put("id", request.id());
        }
        call.put("type", "function");
        call.put("function", function);
        return call;
    }

    /** A mapped value as JSON text. */
    static String json(Object value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (JacksonException e) {
            throw new IllegalStateException("cannot write as JSON: " + e.getMessage(), e);
        }
    }

    /**
     * An object where the text is one, or where there is none; else the text: a call that was broken goes back as it
     * came.
     */
    private static Object arguments(String json) {
        if (json == null || json.isBlank()) {
            return Map.of();
        }
        return read(json) instanceof Map<?, ?> object ? object : json;
    }

    /** What a JSON text says; the text itself where it is none. */
    private static Object read(String json) {
        try {
            return JSON.readValue(json, Object.class);
        } catch (JacksonException e) {
            return json;
        }
    }

    /** Mapped arguments as an object: themselves, or with what they say under the key {@code arguments}. */
    static Map<?, ?> object(Object arguments) {
        if (arguments instanceof Map<?, ?> object) {
            return object;
        }
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("arguments", arguments instanceof String text ? read(text) : arguments);
        return object;
    }

    /** An ID of nine letters and digits for another one, the same each time: what Mistral's templates insist on. */
    static String id(String of) {
        long hash = FNV_BASIS;
        for (int i = 0; i < of.length(); i++) {
            hash = (hash ^ of.charAt(i)) * FNV_PRIME;
        }
        StringBuilder id = new StringBuilder();
        while (id.length() < ID_LENGTH) {
            id.append(ID_LETTERS.charAt((int) Long.remainderUnsigned(hash, ID_LETTERS.length())));
            hash = Long.divideUnsigned(hash, ID_LETTERS.length());
        }
        return id.toString();
    }

    private static Map<String, Object> toolResult(ToolExecutionResultMessage result, boolean sees) {
        Map<String, Object> mapped = message("tool", content(result.contents(), sees));
        if (result.toolName() != null) {
            mapped.put("name", result.toolName());
        }
        if (result.id() != null) {
            mapped.put("tool_call_id", result.id());
        }
        return mapped;
    }

    /**
     * Several texts become one, a line each: few templates know lists of contents. Where there are images it is a list,
     * in the order of the contents, where texts that stand beside one another are one.
     */
    private static Object content(List<Content> contents, boolean sees) {
        List<Object> parts = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        for (Content content : contents) {
            if (content instanceof TextContent text) {
                texts.add(text.text());
            } else if (content instanceof ImageContent && sees) {
                addText(parts, texts);
                parts.add(ContentParts.IMAGE);
            } else {
                String type = content.type().name().toLowerCase(Locale.ROOT);
                throw new UnsupportedFeatureException(
                        "non-text content (" + type + ") is not supported by this model: it "
                                + (sees ? "reads text and images only" : "reads text only"));
            }
        }
        if (parts.isEmpty()) {
            return String.join("\n", texts);
        }
        addText(parts, texts);
        return parts;
    }

    private static void addText(List<Object> parts, List<String> texts) {
        if (!texts.isEmpty()) {
            parts.add(ContentParts.text(String.join("\n", texts)));
            texts.clear();
        }
    }

    private static Map<String, Object> message(String role, Object content) {
        Map<String, Object> mapped = new LinkedHashMap<>();
        mapped.put("role", role);
        mapped.put("content", content);
        return mapped;
    }
}
