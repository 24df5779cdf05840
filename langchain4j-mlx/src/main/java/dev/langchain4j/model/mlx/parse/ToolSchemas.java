package dev.langchain4j.model.mlx.parse;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The tools that a request offers: their names and the JSON Schemas of their arguments. */
public final class ToolSchemas {

    private static final ToolSchemas NONE = new ToolSchemas(Map.of());
    private static final int MAX_REFERENCES = 8;
    private static final int WHOLE_DIGITS_MAX = 40;

    private final Map<String, JsonNode> parameters;

    private ToolSchemas(Map<String, JsonNode> parameters) {
        this.parameters = parameters;
    }

    /** No tools: nothing in an output is read as a tool call. */
    public static ToolSchemas none() {
        return NONE;
    }

    /** Tools by name with the schema (an object with {@code properties}) of their arguments. */
    public static ToolSchemas of(Map<String, JsonNode> parametersByName) {
        return new ToolSchemas(new HashMap<>(parametersByName));
    }

    public boolean isEmpty() {
        return parameters.isEmpty();
    }

    public Set<String> names() {
        return parameters.keySet();
    }

    public boolean contains(String tool) {
        return parameters.containsKey(tool);
    }

    /** The tool that a name means: models put namespaces before the names of tools that have none. */
    public String named(String written) {
        for (int i = 0; i < written.length() && !contains(written); i++) {
            if (".:/".indexOf(written.charAt(i)) >= 0 && contains(written.substring(i + 1))) {
                return written.substring(i + 1);
            }
        }
        return written;
    }

    /** Whether the tool is known and has no such argument. */
    public boolean lacks(String tool, String argument) {
        return contains(tool) && !has(tool, argument);
    }

    /** Whether the schema of a tool names this argument. */
    public boolean has(String tool, String argument) {
        return contains(tool) && parameters.get(tool).path("properties").has(argument);
    }

    /** The arguments that a known tool must have. */
    public List<String> required(String tool) {
        List<String> names = new ArrayList<>();
        parameters.get(tool).path("required").forEach(name -> names.add(name.asText()));
        return names;
    }

    /** The name of the argument at a position, in the order of the schema; null if there is none. */
    public String argumentAt(String tool, int position) {
        List<String> names = new ArrayList<>();
        if (contains(tool)) {
            parameters.get(tool).path("properties").fieldNames().forEachRemaining(names::add);
        }
        return position < names.size() ? names.get(position) : null;
    }

    /** Whether an argument can be text; one that the schema does not name can. */
    public boolean allowsText(String tool, String argument) {
        return !has(tool, argument) || allows(argumentSchema(tool, argument), parameters.get(tool), "string", 0);
    }

    private JsonNode argumentSchema(String tool, String argument) {
        return parameters.get(tool).path("properties").get(argument);
    }

    /**
     * JSON of an argument that a format wrote as plain text: a string where the schema allows nothing else, otherwise
     * the value that the text spells and the schema allows. Text that fits no allowed type stays a string.
     */
    public String typed(String tool, String argument, String text) {
        if (!has(tool, argument)) {
            JsonNode node = JsonText.read(text);
            return node == null || node.isTextual() ? string(text) : node.isNumber() ? text.strip() : node.toString();
        }
        JsonNode schema = argumentSchema(tool, argument);
        String json = value(text);
        JsonNode node = json == null ? null : JsonText.read(json);
        if (node == null || node.isTextual()) {
            return string(text);
        }
        String type = typeOf(node);
        JsonNode root = parameters.get(tool);
        if (allows(schema, root, type, 0) || type.equals("integer") && allows(schema, root, "number", 0)) {
            return json;
        }
        boolean whole = type.equals("number") && allows(schema, root, "integer", 0) && isWhole(node);
        return whole ? node.decimalValue().toBigInteger().toString() : string(text);
    }

    /** Whether a number with a point has nothing behind it. */
    private static boolean isWhole(JsonNode number) {
        BigDecimal value = number.decimalValue().stripTrailingZeros();
        return value.scale() <= 0 && (long) value.precision() - value.scale() < WHOLE_DIGITS_MAX;
    }

    /** The JSON value that the whole text spells, or null. */
    public static String value(String text) {
        Input input = new Input();
        input.append(text.strip());
        input.end(false);
        StringBuilder out = new StringBuilder();
        LenientJson reader = new LenientJson(LenientJson.Dialect.LITERAL);
        if (reader.read(input, out) != LenientJson.Status.DONE || !input.empty()) {
            return null;
        }
        return out.toString();
    }

    private static String string(String text) {
        StringBuilder json = new StringBuilder();
        JsonText.quote(text, json);
        return json.toString();
    }

    private static String typeOf(JsonNode node) {
        return switch (node.getNodeType()) {
            case NUMBER -> node.isIntegralNumber() ? "integer" : "number";
            default -> node.getNodeType().name().toLowerCase(Locale.ROOT);
        };
    }

    /** Whether a schema lets a value of this JSON type through; one that says nothing about types lets all through. */
    private static boolean allows(JsonNode schema, JsonNode root, String type, int references) {
        if (references > MAX_REFERENCES) {
            return true;
        }
        String reference = schema.path("$ref").asText("");
        if (reference.startsWith("#/")) {
            return allows(root.at(reference.substring(1)), root, type, references + 1);
        }
        JsonNode declared = schema.get("type");
        if (declared != null) {
            return anyMatches(declared, type);
        }
        for (String union : new String[] {"anyOf", "oneOf"}) {
            if (schema.has(union)) {
                for (JsonNode option : schema.get(union)) {
                    if (allows(option, root, type, references + 1)) {
                        return true;
                    }
                }
                return false;
            }
        }
        if (schema.has("enum")) {
            for (JsonNode option : schema.get("enum")) {
                if (typeOf(option).equals(type)) {
                    return true;
                }
            }
            return false;
        }
        return true;
    }

    private static boolean anyMatches(JsonNode declared, String type) {
        if (declared.isTextual()) {
            return declared.asText().equals(type);
        }
        for (JsonNode option : declared) {
            if (option.asText().equals(type)) {
                return true;
            }
        }
        return false;
    }
}
