package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
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
import dev.langchain4j.model.chat.request.json.JsonStringSchema;
import java.util.List;
import java.util.Map;

/**
 * LangChain4j's schema elements as one JSON Schema document. Definitions of inner objects move to the root, where
 * references look for them; a raw schema inside of another one keeps its own references.
 */
public final class JsonSchemas {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final String DEFINITIONS = "$defs";

    private final ObjectNode definitions = NODES.objectNode();

    private JsonSchemas() {}

    /**
     * The JSON Schema of an element; that of any object for null.
     *
     * @throws InvalidRequestException if a raw schema is not JSON
     */
    public static ObjectNode of(JsonSchemaElement element) {
        if (element == null) {
            return NODES.objectNode().put("type", "object");
        }
        JsonSchemas mapper = new JsonSchemas();
        ObjectNode root = mapper.map(element, "#");
        if (!mapper.definitions.isEmpty()) {
            ObjectNode own = root.withObjectProperty(DEFINITIONS);
            mapper.definitions.properties().forEach(e -> own.putIfAbsent(e.getKey(), e.getValue()));
        }
        return root;
    }

    /** The JSON Schema of a tool's arguments: of an object, which has no properties where the tool names none. */
    public static ObjectNode ofArguments(JsonObjectSchema parameters) {
        if (parameters != null && (!parameters.properties().isEmpty() || parameters.additionalProperties() != null)) {
            return of(parameters);
        }
        return NODES.objectNode().put("type", "object").put("additionalProperties", false);
    }

    /**
     * Schemas for arguments that are not enforced: the schema itself, without what a grammar may not keep, and at last
     * any object. The first that can be kept is to be taken.
     */
    public static List<ObjectNode> loosened(ObjectNode schema) {
        return List.of(
                schema, SchemaRewriter.loosened(schema), NODES.objectNode().put("type", "object"));
    }

    /** @param pointer where the element stands in the document, as a URI fragment */
    private ObjectNode map(JsonSchemaElement element, String pointer) {
        ObjectNode schema = NODES.objectNode();
        switch (element) {
            case JsonObjectSchema object -> object(object, schema, pointer);
            case JsonArraySchema array -> {
                schema.put("type", "array");
                if (array.items() != null) {
                    schema.set("items", map(array.items(), pointer + "/items"));
                }
            }
            case JsonEnumSchema values -> {
                ArrayNode options = schema.put("type", "string").putArray("enum");
                values.enumValues().forEach(options::add);
            }
            case JsonStringSchema string -> schema.put("type", "string");
            case JsonIntegerSchema integer -> schema.put("type", "integer");
            case JsonNumberSchema number -> schema.put("type", "number");
            case JsonBooleanSchema bool -> schema.put("type", "boolean");
            case JsonNullSchema none -> schema.put("type", "null");
            case JsonReferenceSchema reference ->
                schema.put("$ref", "#/" + DEFINITIONS + "/" + SchemaRewriter.escape(reference.reference()));
            case JsonAnyOfSchema anyOf -> {
                ArrayNode options = schema.putArray("anyOf");
                for (JsonSchemaElement option : anyOf.anyOf()) {
                    options.add(map(option, pointer + "/anyOf/" + options.size()));
                }
            }
            case JsonRawSchema raw -> {
                return SchemaRewriter.moved(parse(raw.schema()), pointer);
            }
            default ->
                throw new UnsupportedFeatureException("a JSON schema element of type "
                        + element.getClass().getSimpleName() + " is not supported by this model");
        }
        return schema;
    }

    private void object(JsonObjectSchema object, ObjectNode schema, String pointer) {
        schema.put("type", "object");
        ObjectNode properties = schema.putObject("properties");
        object.properties()
                .forEach((name, value) ->
                        properties.set(name, map(value, pointer + "/properties/" + SchemaRewriter.escape(name))));
        if (object.required() != null) {
            ArrayNode required = schema.putArray("required");
            object.required().forEach(required::add);
        }
        if (object.additionalProperties() != null) {
            schema.put("additionalProperties", object.additionalProperties());
        }
        if (object.definitions() != null) {
            for (Map.Entry<String, JsonSchemaElement> e : object.definitions().entrySet()) {
                String place = "#/" + DEFINITIONS + "/" + SchemaRewriter.escape(e.getKey());
                definitions.set(e.getKey(), map(e.getValue(), place));
            }
        }
    }

    private static ObjectNode parse(String raw) {
        JsonNode node;
        try {
            node = JSON.readTree(raw);
        } catch (JacksonException e) {
            throw new InvalidRequestException("the raw JSON schema is not JSON: " + e.getOriginalMessage(), e);
        }
        if (!node.isObject()) {
            throw new InvalidRequestException("the raw JSON schema (" + raw + ") must be a JSON object");
        }
        return (ObjectNode) node;
    }
}
