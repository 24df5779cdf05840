package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** A call with its arguments in Python's notation, or in Gemma's, which puts strings between tokens of its own. */
final class NativeArguments {
    /**
     * A notation of calls.
     *
     * @param separator between arguments, and between what is nested
     * @param colon behind a key that is nested
     * @param quote what strings stand between; empty where they, and keys that are nested, are JSON strings
     */
    record Notation(String open, String assign, String separator, String close, String colon, String quote) {
        static Notation gemma(String quote) {
            return new Notation("{", ":", ",", "}", ":", quote);
        }

        boolean python() {
            return quote.isEmpty();
        }
    }

    static final Notation PYTHON = new Notation("(", "=", ", ", ")", ": ", "");

    private static final List<String> REFUSED = List.of(
            "allOf", "oneOf", "not", "if", "pattern", "format", "prefixItems", "patternProperties", "minProperties");
    private static final int ITEMS_MAX = 64;

    private final Lark lark;
    private final ObjectNode schema;
    private final ArgumentSchemas schemas;
    private final Notation notation;
    private final Map<String, String> references = new HashMap<>();
    private String any;

    NativeArguments(Lark lark, ObjectNode schema, Notation notation) {
        this.lark = lark;
        this.schema = schema;
        this.schemas = new ArgumentSchemas(schema);
        this.notation = notation;
    }

    String call(String name) {
        return "(" + lark.text(name + notation.open) + " " + fields(schema, false) + " " + lark.text(notation.close)
                + ")";
    }

    /**
     * Properties in the schema's order, with separators between those that are there.
     *
     * @param nested whether they are those of an object, not of the call
     */
    private String fields(JsonNode object, boolean nested) {
        List<String> items = new ArrayList<>();
        List<Boolean> required = new ArrayList<>();
        for (Map.Entry<String, JsonNode> property : object.path("properties").properties()) {
            String name = property.getKey();
            boolean json = nested && notation.python();
            if (!json && !name.matches(notation.python() ? "[\\p{L}\\p{N}_.:/-]+" : "[^:={},\\[\\]()<>\"'\\s]+")) {
                throw ArgumentSchemas.unsupported("properties", object.path("properties"));
            }
            String key = json ? TextNode.valueOf(name).toString() + notation.colon : name + notation.assign;
            items.add(lark.text(key) + " " + value(property.getValue()));
            required.add(ArgumentSchemas.isRequired(object, name));
        }
        String prefixed = lark.rule("", "\"\"");
        String unprefixed = prefixed;
        for (int i = items.size() - 1; i >= 0; i--) {
            String later = lark.text(notation.separator) + " " + items.get(i);
            if (required.get(i)) {
                unprefixed = lark.rule("", items.get(i) + " " + prefixed);
                prefixed = lark.rule("", later + " " + prefixed);
            } else {
                unprefixed = lark.rule("", items.get(i) + " " + prefixed + " | " + unprefixed);
                prefixed = lark.rule("", "(" + later + ")? " + prefixed);
            }
        }
        return unprefixed;
    }

    private String value(JsonNode unresolved) {
        if (unresolved.path("$ref").isTextual()) {
            return reference(unresolved);
        }
        JsonNode found = schemas.resolved(unresolved);
        if (found.has("const") || found.has("enum")) {
            StringJoiner options = new StringJoiner(" | ", "(", ")");
            if (found.has("const")) {
                options.add(literal(found.get("const")));
            }
            found.path("enum").forEach(option -> options.add(literal(option)));
            return options.toString();
        }
        if (found.has("anyOf")) {
            StringJoiner options = new StringJoiner(" | ", "(", ")");
            found.get("anyOf").forEach(option -> options.add(value(option)));
            return options.toString();
        }
        StringJoiner options = new StringJoiner(" | ", "(", ")");
        if (ArgumentSchemas.types(found).isEmpty()) {
            return any();
        }
        for (String type : ArgumentSchemas.types(found)) {
            ObjectNode one = found.deepCopy();
            options.add(typed(type, one.put("type", type)));
        }
        return options.toString();
    }

    private String typed(String type, ObjectNode one) {
        if (notation.python() && (type.equals("boolean") || type.equals("null"))) {
            return type.equals("null") ? "\"None\"" : "\"True\" | \"False\"";
        }
        for (String keyword : REFUSED) {
            if (one.has(keyword)) {
                if (notation.python()) {
                    return json(one);
                }
                throw ArgumentSchemas.unsupported(keyword, one.get(keyword));
            }
        }
        return switch (type) {
            case "string" -> notation.python() ? json(one) : string(one);
            case "array" -> array(one);
            case "object" -> object(one);
            default -> json(one);
        };
    }

    private String string(JsonNode one) {
        String open = lark.text(notation.quote) + " ";
        if (!one.has("minLength") && !one.has("maxLength")) {
            return open + lark.until(notation.quote);
        }
        int least = one.path("minLength").asInt(0);
        return open
                + lark.freeText(
                        notation.quote,
                        List.of(notation.quote),
                        "",
                        least,
                        one.path("maxLength").asInt(-1));
    }

    private String array(JsonNode one) {
        if (one.path("uniqueItems").asBoolean()) {
            // A mask cannot look back.
            throw ArgumentSchemas.unsupported("uniqueItems", one.get("uniqueItems"));
        }
        String item = one.has("items") ? value(one.get("items")) : any();
        int least = one.path("minItems").asInt(0);
        int most = Math.max(least, one.path("maxItems").asInt(ITEMS_MAX));
        if (most == 0) {
            return "\"[]\"";
        }
        String items = item + " (" + lark.text(notation.separator) + " " + item + "){" + Math.max(0, least - 1) + ","
                + (most - 1) + "}";
        return "\"[\" (" + items + ")" + (least == 0 ? "?" : "") + " \"]\"";
    }

    private String object(JsonNode one) {
        if (!one.path("properties").isEmpty()) {
            return "\"{\" " + fields(one, true) + " \"}\"";
        }
        if (!one.path("required").isEmpty()) {
            throw ArgumentSchemas.unsupported("required", one.get("required"));
        }
        JsonNode free = one.path("additionalProperties");
        if (free.isBoolean() && !free.asBoolean()) {
            return "\"{}\"";
        }
        return entries(free.isObject() ? value(free) : any());
    }

    private String entries(String item) {
        String key = notation.python()
                ? lark.json(JsonNodeFactory.instance.objectNode().put("type", "string")) + " "
                        + lark.text(notation.colon)
                : "/[a-zA-Z_][a-zA-Z0-9_]{0,31}:/";
        String entry = key + " " + item;
        return "\"{\" (" + entry + " (" + lark.text(notation.separator) + " " + entry + "){0," + (ITEMS_MAX - 1)
                + "})? \"}\"";
    }

    /** Any value in this notation. */
    private String any() {
        if (any == null) {
            any = lark.reserve();
            String array = "\"[\" (" + any + " (" + lark.text(notation.separator) + " " + any + "){0," + (ITEMS_MAX - 1)
                    + "})? \"]\"";
            if (notation.python()) {
                ObjectNode plain = JsonNodeFactory.instance.objectNode();
                plain.putArray("type").add("number").add("string");
                lark.define(
                        any,
                        "\"True\" | \"False\" | \"None\" | " + lark.json(plain) + " | " + array + " | " + entries(any));
                return any;
            }
            ObjectNode scalars = JsonNodeFactory.instance.objectNode();
            scalars.putArray("type").add("number").add("boolean").add("null");
            String scalar = lark.json(scalars);
            String text = lark.text(notation.quote) + " " + lark.until(notation.quote);
            lark.define(any, text + " | " + scalar + " | " + array + " | " + entries(any));
        }
        return any;
    }

    private String reference(JsonNode unresolved) {
        String target = unresolved.path("$ref").asText();
        String known = references.get(target);
        if (known == null) {
            known = lark.reserve();
            references.put(target, known);
            lark.define(known, value(schemas.resolved(unresolved)));
        }
        return known;
    }

    private String json(JsonNode one) {
        return lark.json(schemas.document(one));
    }

    private String literal(JsonNode option) {
        if (option.isTextual()) {
            String text = option.asText();
            if (notation.python()) {
                return lark.text(option.toString());
            }
            if (text.contains(notation.quote)) {
                throw ArgumentSchemas.unsupported("enum", option);
            }
            return lark.text(notation.quote + text + notation.quote);
        }
        if (notation.python() && option.isBoolean()) {
            return option.asBoolean() ? "\"True\"" : "\"False\"";
        }
        if (notation.python() && option.isNull()) {
            return "\"None\"";
        }
        return lark.text(option.toString());
    }
}
