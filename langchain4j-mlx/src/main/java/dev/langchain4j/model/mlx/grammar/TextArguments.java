package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A call whose arguments stand as text between tags. Strings are written as they are, everything else as JSON; which of
 * them a text is, the reader tells from the schema. So where a string and something else are possible, a string begins
 * with a letter that begins nothing else.
 */
final class TextArguments {
    /** Text without a tag or a line break, that neither JSON nor Python could mean. */
    private static final String SAFE_START = "[A-EG-HJ-MO-SU-Zb-eg-hj-mo-su-z]";

    private static final Set<String> ALL_TYPES = Set.of("null", "boolean", "number", "integer", "array", "object");

    /** One way to write a value, up to the tag that ends it. */
    private record Writing(boolean string, String expression) {}

    private final Lark lark;
    private final ArgumentSchemas schemas;
    private final ArgumentTags tags;

    TextArguments(Lark lark, ObjectNode schema, ArgumentTags tags) {
        this.lark = lark;
        this.schemas = new ArgumentSchemas(schema);
        this.tags = tags;
    }

    String call(String name) {
        StringBuilder call = new StringBuilder("(").append(lark.text(tags.call().formatted(name)));
        call.append(lineBreak());
        for (Map.Entry<String, JsonNode> property : schemas.properties()) {
            String parameter = parameter(property.getKey(), property.getValue());
            call.append(parameter).append(schemas.isRequired(property.getKey()) ? " " : "? ");
        }
        return call.append(lark.text(tags.callEnd()))
                .append(lineBreak())
                .append(')')
                .toString();
    }

    private static String lineBreak() {
        return " /\\n{1,2}/? ";
    }

    private String parameter(String name, JsonNode schema) {
        if (!name.matches("[^<>\"\\s]([^<>\"\\v]*[^<>\"\\s])?")) {
            throw ArgumentSchemas.unsupported("properties", schema);
        }
        List<String> options = new ArrayList<>();
        for (Writing writing : writings(schema)) {
            String open = tags.opening(name, writing.string);
            String start = tags.valueStart();
            String gap = start.isEmpty() ? " " : lineBreak() + lark.text(start) + " ";
            options.add(lark.text(open) + gap + writing.expression + lineBreak());
        }
        return lark.rule("", String.join(" | ", options));
    }

    private List<Writing> writings(JsonNode schema) {
        List<Writing> writings = new ArrayList<>();
        boolean others = allows(schema, ALL_TYPES);
        boolean more = others && !allows(schema, Set.of("null"));
        add(schema, others && (more || isConstrained(schema)), writings);
        if (writings.isEmpty()) {
            throw ArgumentSchemas.unsupported("properties", schema);
        }
        return writings;
    }

    private void add(JsonNode unresolved, boolean mixed, List<Writing> writings) {
        JsonNode schema = schemas.resolved(unresolved);
        if (schema.has("const") || schema.has("enum")) {
            if (schema.has("const")) {
                addOption(schema.get("const"), writings);
            }
            schema.path("enum").forEach(option -> addOption(option, writings));
            return;
        }
        if (schema.has("anyOf")) {
            schema.get("anyOf").forEach(option -> add(option, mixed, writings));
            return;
        }
        Set<String> types = ArgumentSchemas.types(schema);
        if (types.isEmpty() && schema.isContainerNode() && !schema.isEmpty()) {
            for (String keyword : List.of("allOf", "oneOf", "not", "if")) {
                if (schema.has(keyword)) {
                    throw ArgumentSchemas.unsupported(keyword, schema.get(keyword));
                }
            }
        }
        if (types.isEmpty() || types.contains("string")) {
            writings.add(new Writing(true, string(schema, mixed && !types.isEmpty())));
        }
        if (!types.isEmpty() && !types.equals(Set.of("string"))) {
            writings.add(new Writing(false, json(unresolved, schema)));
        }
    }

    private void addOption(JsonNode option, List<Writing> writings) {
        String text = option.isTextual() ? option.asText() : option.toString();
        if (text.contains(tags.parameterEnd()) || text.startsWith("\n") || text.endsWith("\n")) {
            throw ArgumentSchemas.unsupported("enum", option);
        }
        String value = text.isEmpty() ? "" : lark.text(text);
        writings.add(new Writing(option.isTextual(), wrapped(value)));
    }

    private String string(JsonNode schema, boolean mixed) {
        for (String keyword : List.of("pattern", "format")) {
            if (schema.has(keyword)) {
                throw ArgumentSchemas.unsupported(keyword, schema.get(keyword));
            }
        }
        if (!mixed && !isConstrained(schema)) {
            return (tags.wrapped() ? lark.text("\n") + " " : "") + lark.until(tags.parameterEnd());
        }
        int least = schema.path("minLength").asInt(0);
        int most = schema.path("maxLength").asInt(-1);
        if (!mixed) {
            return wrapped("/[^<\\n]{" + least + "," + (most < 0 ? "" : most) + "}/");
        }
        if (most == 0) {
            throw ArgumentSchemas.unsupported("maxLength", schema.get("maxLength"));
        }
        return wrapped(
                "/" + SAFE_START + "[^<\\n]{" + Math.max(0, least - 1) + "," + (most < 0 ? "" : most - 1) + "}/");
    }

    private static boolean isConstrained(JsonNode schema) {
        return schema.has("minLength") || schema.has("maxLength");
    }

    private String json(JsonNode unresolved, JsonNode schema) {
        JsonNode narrowed = unresolved;
        if (schema.path("type").isArray()) {
            ObjectNode copy = schema.deepCopy();
            ArrayNode types = copy.putArray("type");
            schema.get("type").forEach(type -> {
                if (!type.asText().equals("string")) {
                    types.add(type);
                }
            });
            narrowed = copy;
        }
        ObjectNode document = schemas.document(narrowed);
        withoutTags(document);
        return wrapped(lark.json(document));
    }

    private String wrapped(String value) {
        String end = tags.parameterEnd();
        return tags.wrapped()
                ? lark.text("\n") + " " + value + " " + lark.text("\n" + end)
                : value + " " + lark.text(end);
    }

    /** Strings inside of JSON do not spell the tag that ends the value. */
    private static void withoutTags(JsonNode schema) {
        if (schema instanceof ObjectNode object
                && object.path("type").asText().equals("string")
                && !object.has("enum")
                && !object.has("const")
                && !object.has("pattern")
                && !object.has("format")) {
            object.put("pattern", "^[^<]*$");
        }
        for (Map.Entry<String, JsonNode> e : schema.properties()) {
            if (!e.getKey().equals("enum") && !e.getKey().equals("const")) {
                withoutTags(e.getValue());
            }
        }
        if (schema.isArray()) {
            schema.forEach(TextArguments::withoutTags);
        }
    }

    /** Whether a value may be of one of these types beside a string. */
    private boolean allows(JsonNode unresolved, Set<String> wanted) {
        JsonNode schema = schemas.resolved(unresolved);
        if (schema.has("anyOf")) {
            for (JsonNode option : schema.get("anyOf")) {
                if (allows(option, wanted)) {
                    return true;
                }
            }
            return false;
        }
        for (JsonNode option : schema.path("enum")) {
            if (!option.isTextual()) {
                return true;
            }
        }
        return ArgumentSchemas.types(schema).stream().anyMatch(wanted::contains);
    }
}
