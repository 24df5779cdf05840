package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.json.JsonAnyOfSchema;
import dev.langchain4j.model.chat.request.json.JsonArraySchema;
import dev.langchain4j.model.chat.request.json.JsonBooleanSchema;
import dev.langchain4j.model.chat.request.json.JsonEnumSchema;
import dev.langchain4j.model.chat.request.json.JsonIntegerSchema;
import dev.langchain4j.model.chat.request.json.JsonNullSchema;
import dev.langchain4j.model.chat.request.json.JsonNumberSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonReferenceSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.request.json.JsonStringSchema;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A JSON schema in words, for the prompt: constrained decoding keeps an answer's form, but says nothing of what belongs
 * into it.
 */
public final class SchemaText {
    private final Map<String, JsonSchemaElement> definitions = new LinkedHashMap<>();

    private SchemaText() {}

    /**
     * Messages whose newest user message ends with the schema; the first message, where none is a user's.
     *
     * <p>There a model follows it best, and what comes before it keeps its place in the prompt cache; in a loop of
     * tools it stays where it is.
     */
    public static List<ChatMessage> in(List<ChatMessage> messages, JsonSchema schema) {
        List<ChatMessage> all = new ArrayList<>(messages);
        String text = "\n\n" + of(schema.rootElement());
        for (int i = all.size() - 1; i >= 0; i--) {
            if (all.get(i) instanceof UserMessage user) {
                all.set(i, with(user, text));
                return all;
            }
        }
        if (all.getFirst() instanceof SystemMessage system) {
            all.set(0, SystemMessage.from(system.text() + text));
        }
        return all;
    }

    private static UserMessage with(UserMessage user, String text) {
        List<Content> contents = new ArrayList<>(user.contents());
        if (contents.getLast() instanceof TextContent last) {
            contents.set(contents.size() - 1, TextContent.from(last.text() + text));
        } else {
            contents.add(TextContent.from(text.strip()));
        }
        return user.toBuilder().contents(contents).build();
    }

    /** The schema as an instruction. */
    public static String of(JsonSchemaElement root) {
        SchemaText words = new SchemaText();
        StringBuilder text = new StringBuilder("Answer with JSON of this form:\n").append(words.form(root, 0));
        List<String> described = new ArrayList<>();
        while (described.size() < words.definitions.size()) {
            for (String name : List.copyOf(words.definitions.keySet())) {
                if (!described.contains(name)) {
                    described.add(name);
                    JsonSchemaElement definition = words.definitions.get(name);
                    text.append("\nwhere ").append(name).append(" is ").append(words.form(definition, 0));
                }
            }
        }
        return text.toString();
    }

    private String form(JsonSchemaElement element, int depth) {
        String form =
                switch (element) {
                    case JsonObjectSchema object -> object(object, depth);
                    case JsonArraySchema array ->
                        array.items() == null ? "list" : "[" + form(array.items(), depth) + ", ...]";
                    case JsonEnumSchema values ->
                        values.enumValues().stream()
                                .map(value -> MessageMapper.json(value))
                                .collect(Collectors.joining(" or "));
                    case JsonStringSchema _ -> "string";
                    case JsonIntegerSchema _ -> "whole number";
                    case JsonNumberSchema _ -> "number";
                    case JsonBooleanSchema _ -> "true or false";
                    case JsonNullSchema _ -> "null";
                    case JsonReferenceSchema reference -> String.valueOf(reference.reference());
                    case JsonAnyOfSchema anyOf ->
                        anyOf.anyOf().stream()
                                .map(option -> form(option, depth))
                                .collect(Collectors.joining(" or "));
                    case JsonRawSchema raw -> "JSON of the schema " + raw.schema();
                    default -> "any value";
                };
        return element.description() == null || element instanceof JsonObjectSchema && depth == 0
                ? form
                : form + " (" + element.description().strip() + ")";
    }

    private String object(JsonObjectSchema object, int depth) {
        if (object.definitions() != null) {
            definitions.putAll(object.definitions());
        }
        if (object.properties().isEmpty()) {
            return "object";
        }
        String about = depth == 0 && object.description() != null
                ? object.description().strip() + "\n"
                : "";
        String indent = "  ".repeat(depth + 1);
        StringBuilder text = new StringBuilder(about).append("{");
        String comma = "\n";
        for (Map.Entry<String, JsonSchemaElement> property : object.properties().entrySet()) {
            // Where nothing is required, as in schemas of plain classes, all of it is wanted all the same.
            boolean wanted = object.required() == null
                    || object.required().isEmpty()
                    || object.required().contains(property.getKey());
            text.append(comma)
                    .append(indent)
                    .append(MessageMapper.json(property.getKey()))
                    .append(": ")
                    .append(form(property.getValue(), depth + 1))
                    .append(wanted ? "" : " (optional)");
            comma = ",\n";
        }
        return text.append('\n').append("  ".repeat(depth)).append('}').toString();
    }
}
