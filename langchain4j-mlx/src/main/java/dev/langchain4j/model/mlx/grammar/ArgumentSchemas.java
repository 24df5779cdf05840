package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.UnsupportedFeatureException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.StreamSupport;

/** What wire formats that are not JSON need to know of the schema of a tool's arguments. */
final class ArgumentSchemas {
    private static final List<String> COMPOSITIONS =
            List.of("allOf", "anyOf", "oneOf", "$ref", "not", "if", "patternProperties", "minProperties");
    private static final int REFERENCES_MAX = 8;

    /** Where a part of the schema stands among the definitions of the whole. */
    private static final String VALUE = "-value-";

    private final ObjectNode root;

    ArgumentSchemas(ObjectNode root) {
        this.root = root;
        for (String keyword : COMPOSITIONS) {
            if (root.has(keyword)) {
                throw unsupported(keyword, root.get(keyword));
            }
        }
        for (JsonNode name : root.path("required")) {
            if (!root.path("properties").has(name.asText())) {
                throw unsupported("required", name);
            }
        }
    }

    static UnsupportedFeatureException unsupported(String keyword, JsonNode value) {
        return new UnsupportedFeatureException("the JSON schema of a tool's arguments has " + keyword + " (" + value
                + "), which is not supported in the tool call format of this model");
    }

    Iterable<Map.Entry<String, JsonNode>> properties() {
        return root.path("properties").properties();
    }

    boolean isRequired(String name) {
        return isRequired(root, name);
    }

    /** Whether an object must have the property of this name. */
    static boolean isRequired(JsonNode object, String name) {
        return StreamSupport.stream(object.path("required").spliterator(), false)
                .anyMatch(one -> one.asText().equals(name));
    }

    /** The schema behind references that stand alone. */
    JsonNode resolved(JsonNode schema) {
        JsonNode found = schema;
        for (int i = 0; i < REFERENCES_MAX && found.path("$ref").isTextual(); i++) {
            String reference = found.path("$ref").asText();
            found = reference.startsWith("#")
                    ? SchemaRewriter.at(root, reference.substring(1))
                    : JsonNodeFactory.instance.missingNode();
            if (found.isMissingNode()) {
                throw unsupported("$ref", schema.path("$ref"));
            }
        }
        return found;
    }

    /** The schema as a document of its own, whose references lead where they led before. */
    ObjectNode document(JsonNode schema) {
        ObjectNode document = JsonNodeFactory.instance.objectNode();
        ObjectNode holder = JsonNodeFactory.instance.objectNode();
        if (schema.isBoolean()) {
            return document;
        }
        holder.setAll((ObjectNode) schema);
        boolean refers = schema.toString().contains("\"$ref\"");
        if (!refers) {
            return SchemaRewriter.forGrammar(holder, "#");
        }
        ObjectNode whole = root.deepCopy();
        whole.withObjectProperty("$defs").set(VALUE, holder);
        document.put("$ref", "#/$defs/tool/$defs/" + VALUE);
        document.putObject("$defs").set("tool", SchemaRewriter.forGrammar(whole, "#/$defs/tool"));
        return document;
    }

    /** The types that a schema lets through; empty if it says nothing of them. */
    static Set<String> types(JsonNode schema) {
        JsonNode type = schema.path("type");
        if (type.isTextual()) {
            return Set.of(type.asText());
        }
        Set<String> all = new TreeSet<>();
        type.forEach(one -> all.add(one.asText()));
        return all;
    }
}
