package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.UnsupportedFeatureException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Rewrites JSON Schemas without changing what they allow, but for one narrowing: an object that names its properties
 * and says nothing of further ones gets no further ones.
 */
final class SchemaRewriter {
    /** What says nothing about which values are valid. */
    private static final Set<String> ANNOTATIONS = Set.of(
            "title",
            "description",
            "default",
            "examples",
            "deprecated",
            "readOnly",
            "writeOnly",
            "contentMediaType",
            "contentEncoding",
            "$comment");

    /** Keywords whose value is a schema, or a list of schemas. */
    private static final Set<String> SCHEMAS = Set.of(
            "items",
            "additionalItems",
            "prefixItems",
            "unevaluatedItems",
            "contains",
            "additionalProperties",
            "unevaluatedProperties",
            "propertyNames",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "if",
            "then",
            "else");

    /** Keywords whose value has a schema under each name. */
    private static final Set<String> NAMED_SCHEMAS =
            Set.of("properties", "patternProperties", "$defs", "definitions", "dependentSchemas");

    /** Formats that the grammar compiler knows; others are annotations, as the specification has it. */
    private static final Set<String> FORMATS =
            Set.of("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri");

    /** Items of a list whose schema names no limit. */
    static final int ITEMS_MAX = 256;

    /** What all grammars can keep. */
    private static final Set<String> LOOSE = Set.of(
            "type",
            "properties",
            "required",
            "items",
            "additionalProperties",
            "enum",
            "const",
            "anyOf",
            "$ref",
            "$defs",
            "definitions");

    private final JsonNode root;
    private final String pointer;
    private final boolean forGrammar;
    private final boolean closes;

    private SchemaRewriter(JsonNode root, String pointer, boolean forGrammar) {
        this.root = root;
        this.pointer = pointer;
        this.forGrammar = forGrammar;
        this.closes = forGrammar && !composes(root);
    }

    /** The schema as it must read where it stands at {@code pointer} of another document. */
    static ObjectNode moved(ObjectNode schema, String pointer) {
        return pointer.equals("#") ? schema : (ObjectNode) new SchemaRewriter(schema, pointer, false).rewrite(schema);
    }

    /**
     * The schema as the grammar compiler is to see it, at {@code pointer} of another document.
     *
     * @throws UnsupportedFeatureException for what cannot be kept by looking at the next token only
     */
    static ObjectNode forGrammar(ObjectNode schema, String pointer) {
        return (ObjectNode) new SchemaRewriter(schema, pointer, true).rewrite(schema);
    }

    /** The schema without what some grammar cannot keep: it lets more through. References inside of it stay. */
    static ObjectNode loosened(ObjectNode schema) {
        ObjectNode loose = (ObjectNode) loosened((JsonNode) schema);
        for (String composed : List.of("anyOf", "$ref", "enum", "const")) {
            loose.remove(composed);
        }
        return loose.put("type", "object");
    }

    private static JsonNode loosened(JsonNode schema) {
        if (schema.isArray()) {
            ArrayNode list = JsonNodeFactory.instance.arrayNode();
            schema.forEach(one -> list.add(loosened(one)));
            return list;
        }
        if (!schema.isObject()) {
            return schema;
        }
        ObjectNode loose = JsonNodeFactory.instance.objectNode();
        for (Map.Entry<String, JsonNode> e : schema.properties()) {
            String key = e.getKey();
            if (NAMED_SCHEMAS.contains(key)
                    && LOOSE.contains(key)
                    && e.getValue().isObject()) {
                ObjectNode named = loose.putObject(key);
                e.getValue().properties().forEach(one -> named.set(one.getKey(), loosened(one.getValue())));
            } else if (LOOSE.contains(key)) {
                loose.set(key, SCHEMAS.contains(key) ? loosened(e.getValue()) : e.getValue());
            }
        }
        if (schema.path("$ref").isTextual() && !schema.path("$ref").asText().startsWith("#")) {
            loose.remove("$ref");
        }
        ArrayNode required = JsonNodeFactory.instance.arrayNode();
        for (JsonNode name : schema.path("required")) {
            if (schema.path("properties").has(name.asText())) {
                required.add(name);
            }
        }
        return loose.has("required") ? loose.set("required", required) : loose;
    }

    /** A name as a part of a JSON pointer in a URI fragment. */
    static String escape(String name) {
        String token = name.replace("~", "~0").replace("/", "~1");
        return URLEncoder.encode(token, StandardCharsets.UTF_8)
                .replace("+", "%20")
                .replace("%7E", "~");
    }

    private JsonNode rewrite(JsonNode schema) {
        if (schema.isArray()) {
            ArrayNode list = JsonNodeFactory.instance.arrayNode();
            schema.forEach(one -> list.add(rewrite(one)));
            return list;
        }
        if (!schema.isObject()) {
            return schema;
        }
        ObjectNode result = JsonNodeFactory.instance.objectNode();
        for (Map.Entry<String, JsonNode> e : schema.properties()) {
            keyword(e.getKey(), e.getValue(), result);
        }
        if (forGrammar) {
            close(result);
            bound(result);
            checkCounts(result);
        }
        return result;
    }

    private void keyword(String key, JsonNode value, ObjectNode result) {
        if (forGrammar && dropped(key, value)) {
            return;
        }
        if (SCHEMAS.contains(key)) {
            result.set(key, rewrite(value));
        } else if (NAMED_SCHEMAS.contains(key) && value.isObject()) {
            ObjectNode named = result.putObject(key);
            value.properties().forEach(e -> named.set(e.getKey(), rewrite(e.getValue())));
        } else if (key.equals("$ref") && value.isTextual()) {
            result.put(key, reference(value.asText()));
        } else {
            result.set(key, value);
        }
    }

    private static boolean dropped(String key, JsonNode value) {
        return ANNOTATIONS.contains(key)
                || key.equals("$id")
                || key.equals("x-guidance")
                || key.equals("format") && !FORMATS.contains(value.asText())
                || key.equals("uniqueItems") && value.isBoolean() && !value.asBoolean();
    }

    /** References into the document go along with it, unless they mean what only the other document has. */
    private String reference(String target) {
        if (pointer.equals("#") || !target.startsWith("#")) {
            return target;
        }
        String path = target.substring(1);
        boolean own = path.isEmpty() || path.startsWith("/") && !at(root, path).isMissingNode();
        return own ? pointer + path : target;
    }

    /** What a JSON pointer leads to that is written as a URI fragment, where a plus is no space. */
    static JsonNode at(JsonNode root, String fragment) {
        return root.at(URLDecoder.decode(fragment.replace("+", "%2B"), StandardCharsets.UTF_8));
    }

    private void close(ObjectNode schema) {
        boolean names = schema.path("properties").isObject()
                && !schema.path("properties").isEmpty();
        if (closes
                && names
                && !schema.has("additionalProperties")
                && !schema.has("patternProperties")
                && !schema.has("unevaluatedProperties")) {
            schema.set("additionalProperties", BooleanNode.FALSE);
        }
    }

    /** A list that may be of any length ends somewhere: a small model repeats itself until nothing is left. */
    private void bound(ObjectNode schema) {
        JsonNode type = schema.path("type");
        boolean list = type.asText().equals("array");
        for (JsonNode one : type) {
            list |= one.asText().equals("array");
        }
        if (closes && list && !schema.has("maxItems") && !schema.has("prefixItems")) {
            schema.put("maxItems", Math.max(ITEMS_MAX, schema.path("minItems").asInt(0)));
        }
    }

    /** Whether a value may have to fit several schemas at once: closing one of them could leave nothing. */
    private static boolean composes(JsonNode schema) {
        if (schema.isObject()) {
            boolean several = schema.has("allOf")
                    || schema.has("properties") && (schema.has("anyOf") || schema.has("oneOf") || schema.has("$ref"));
            if (several) {
                return true;
            }
        }
        for (JsonNode inner : schema) {
            if (inner.isContainerNode() && composes(inner)) {
                return true;
            }
        }
        return false;
    }

    /** A grammar cannot tell that a free name came before, and a name that comes twice counts once. */
    private static void checkCounts(ObjectNode schema) {
        int least = schema.path("minProperties").asInt(0);
        boolean open = !schema.path("additionalProperties").isBoolean()
                || schema.path("additionalProperties").asBoolean();
        if (open && least - schema.path("required").size() > 1) {
            throw new UnsupportedFeatureException("minProperties (" + least + ") is not supported by this model for an"
                    + " object with properties of any name: at most one more than the required ones");
        }
    }
}
