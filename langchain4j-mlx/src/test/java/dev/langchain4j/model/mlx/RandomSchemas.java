package dev.langchain4j.model.mlx;

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
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Makes schemas of all kinds of elements, small enough that a model which draws at random comes to an end. */
final class RandomSchemas {
    private static final String[] NAMES = {
        "name",
        "alter",
        "größe",
        "two words",
        "a/b",
        "a~b",
        "\"quoted\"",
        "back\\slash",
        "x",
        "日本",
        "100%",
        "<tag>",
        "null"
    };
    private static final String[] STRINGS = {
        "{\"type\":\"string\",\"maxLength\":3}",
        "{\"type\":\"string\",\"minLength\":1,\"maxLength\":4}",
        "{\"type\":\"string\",\"pattern\":\"^[a-f]{2,4}$\"}",
        "{\"type\":\"string\",\"pattern\":\"^(ja|nein)$\",\"description\":\"a German answer\"}",
        "{\"type\":\"string\",\"format\":\"date\"}",
        "{\"const\":\"fest\"}",
        "{\"type\":[\"string\",\"null\"],\"maxLength\":2}",
    };
    private static final String[] NUMBERS = {
        "{\"type\":\"integer\",\"minimum\":-3,\"maximum\":120}",
        "{\"type\":\"integer\",\"exclusiveMinimum\":0,\"format\":\"int32\"}",
        "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}",
        "{\"type\":\"integer\",\"multipleOf\":5}",
        "{\"enum\":[1,2.5,\"three\",null,true]}",
    };
    private static final String[] CONTAINERS = {
        "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/one\"},\"minItems\":1,\"maxItems\":3,"
                + "\"$defs\":{\"one\":{\"type\":\"integer\",\"title\":\"one\"}}}",
        "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"boolean\"},{\"type\":\"null\"}],\"items\":false,\"minItems\":2}",
        "{\"type\":\"object\",\"patternProperties\":{\"^k[0-9]$\":{\"type\":\"integer\"}},\"additionalProperties\":false}",
        "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"},\"maxProperties\":2}",
        "{\"allOf\":[{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]},"
                + "{\"properties\":{\"b\":{\"type\":\"boolean\"}},\"required\":[\"b\"]}],"
                + "\"additionalProperties\":true,\"maxProperties\":2}",
        "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"boolean\"}]}",
    };

    private final Random random;
    private boolean recursive;

    RandomSchemas(Random random) {
        this.random = random;
    }

    /** An object, as response formats and arguments of tools have it at the root. */
    JsonObjectSchema object() {
        recursive = false;
        JsonObjectSchema inner = object(2);
        if (!recursive) {
            return inner;
        }
        JsonObjectSchema node = JsonObjectSchema.builder()
                .addEnumProperty("kind", List.of("leaf", "node"))
                .addProperty(
                        "next",
                        JsonAnyOfSchema.builder()
                                .anyOf(new JsonNullSchema(), reference())
                                .build())
                .required("kind", "next")
                .build();
        return inner.toBuilder().definitions(java.util.Map.of("a node", node)).build();
    }

    private JsonObjectSchema object(int depth) {
        JsonObjectSchema.Builder object = JsonObjectSchema.builder().description("an object");
        List<String> required = new ArrayList<>();
        int count = random.nextInt(4);
        for (int i = 0; i < count; i++) {
            String name = pick(NAMES);
            object.addProperty(name, element(depth));
            if (random.nextInt(3) > 0 && !required.contains(name)) {
                required.add(name);
            }
        }
        if (count == 0 || random.nextInt(4) == 0) {
            object.additionalProperties(false);
        }
        return object.required(required).build();
    }

    private JsonSchemaElement element(int depth) {
        return switch (random.nextInt(depth > 0 ? 11 : 7)) {
            case 0 -> JsonRawSchema.from(pick(STRINGS));
            case 1 -> JsonRawSchema.from(pick(NUMBERS));
            case 2 -> new JsonIntegerSchema();
            case 3 -> JsonNumberSchema.builder().description("any number").build();
            case 4 -> new JsonBooleanSchema();
            case 5 ->
                JsonEnumSchema.builder()
                        .enumValues("RED", "größer", "with \"quotes\"", "")
                        .build();
            case 6 -> new JsonNullSchema();
            case 7 -> JsonArraySchema.builder().items(element(depth - 1)).build();
            case 8 ->
                JsonAnyOfSchema.builder()
                        .anyOf(element(depth - 1), element(depth - 1))
                        .build();
            case 9 -> random.nextInt(3) == 0 ? reference() : JsonRawSchema.from(pick(CONTAINERS));
            default -> object(depth - 1);
        };
    }

    private JsonReferenceSchema reference() {
        recursive = true;
        return JsonReferenceSchema.builder().reference("a node").build();
    }

    private String pick(String[] options) {
        return options[random.nextInt(options.length)];
    }
}
