package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** A config.json, or an object inside of one. Asking for what is missing or of another type names file and field. */
public final class ModelConfig {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int COUNT_MAX = 1 << 28;

    /** What counts are multiplied with each other or looped over, and what they may be at most, by part of the name. */
    private static final Map<String, Integer> COUNTS_MAX = Map.of(
            "layers", 1 << 12,
            "experts", 1 << 16,
            "heads", 1 << 14,
            "head_dim", 1 << 14,
            "hidden_size", 1 << 22,
            "intermediate_size", 1 << 22,
            "_rank", 1 << 22);

    private static final int VALUE_SHOWN_MAX = 200;

    private final JsonNode json;
    private final String where;

    /**
     * Wraps an object.
     *
     * @param json the object
     * @param where the file that it comes from, for messages
     */
    public ModelConfig(JsonNode json, String where) {
        if (!json.isObject()) {
            throw new InvalidRequestException(where + " is not a JSON object");
        }
        this.json = json;
        this.where = where;
    }

    /**
     * This config with values for fields that it does not have. A field that is there with the value null stays so.
     *
     * @param defaults names and values by turns; values are numbers, truth values, texts or arrays of them
     */
    public ModelConfig withDefaults(Object... defaults) {
        ObjectNode all = ((ObjectNode) json).deepCopy();
        for (int i = 0; i < defaults.length; i += 2) {
            String name = (String) defaults[i];
            if (!all.has(name)) {
                all.set(name, JSON.valueToTree(defaults[i + 1]));
            }
        }
        return new ModelConfig(all, where);
    }

    /** The architecture's name. */
    public String modelType() {
        return text("model_type");
    }

    /** Whether the field is there and not null. */
    public boolean has(String name) {
        return json.hasNonNull(name);
    }

    /** A positive count that must be there. */
    public int count(String name) {
        JsonNode value = required(name);
        int max = COUNT_MAX;
        for (Map.Entry<String, Integer> e : COUNTS_MAX.entrySet()) {
            max = name.contains(e.getKey()) ? Math.min(max, e.getValue()) : max;
        }
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.asInt() <= 0 || value.asInt() > max) {
            throw invalid(name, value, "must be a whole number from 1 to " + max);
        }
        return value.asInt();
    }

    /** A positive count, or the default. */
    public int count(String name, int otherwise) {
        return has(name) ? count(name) : otherwise;
    }

    /** A whole number of any sign, or the default. */
    public int integer(String name, int otherwise) {
        if (!has(name)) {
            return otherwise;
        }
        JsonNode value = json.get(name);
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw invalid(name, value, "must be a whole number");
        }
        return value.asInt();
    }

    /** A whole number of any sign that must be there. */
    public int integer(String name) {
        required(name);
        return integer(name, 0);
    }

    /** A finite number that must be there. */
    public double number(String name) {
        JsonNode value = required(name);
        if (!value.isNumber() || !Double.isFinite(value.asDouble())) {
            throw invalid(name, value, "must be a finite number");
        }
        return value.asDouble();
    }

    /** A number, or the default. */
    public double number(String name, double otherwise) {
        return has(name) ? number(name) : otherwise;
    }

    /** A truth value, or the default. As in Python, null counts as false. */
    public boolean flag(String name, boolean otherwise) {
        if (isNull(name)) {
            return false;
        }
        if (!has(name)) {
            return otherwise;
        }
        JsonNode value = json.get(name);
        if (!value.isBoolean()) {
            throw invalid(name, value, "must be true or false");
        }
        return value.asBoolean();
    }

    /** A truth value that must be there. */
    public boolean flag(String name) {
        required(name);
        return flag(name, false);
    }

    /** Whether the field is there with the value null, by which some configs switch something off. */
    public boolean isNull(String name) {
        return json.has(name) && !json.hasNonNull(name);
    }

    /** A text that must be there. */
    public String text(String name) {
        JsonNode value = required(name);
        if (!value.isTextual()) {
            throw invalid(name, value, "must be a string");
        }
        return value.asText();
    }

    /** A text, or the default. */
    public String text(String name, String otherwise) {
        return has(name) ? text(name) : otherwise;
    }

    /** An object inside of this one, or null. */
    public ModelConfig section(String name) {
        return has(name) ? new ModelConfig(json.get(name), where + "#" + name) : null;
    }

    /** The texts of an array; null if it is not there. */
    public List<String> texts(String name) {
        return has(name) ? list(name, JsonNode::isTextual).map(JsonNode::asText).toList() : null;
    }

    /** The numbers of an array; null if it is not there. A single number counts as an array of one. */
    public double[] numbers(String name) {
        if (!has(name)) {
            return null;
        }
        if (json.get(name).isNumber()) {
            return new double[] {json.get(name).asDouble()};
        }
        return list(name, n -> !Double.isNaN(asNumber(n)))
                .mapToDouble(ModelConfig::asNumber)
                .toArray();
    }

    /** The number, also where transformers tagged one that JSON does not know; NaN if it is none. */
    private static double asNumber(JsonNode value) {
        return switch (value.path("__float__").asText()) {
            case "Infinity" -> Double.POSITIVE_INFINITY;
            case "-Infinity" -> Double.NEGATIVE_INFINITY;
            default -> value.isNumber() ? value.asDouble() : Double.NaN;
        };
    }

    /** The JSON of this object. */
    public JsonNode json() {
        return json;
    }

    /** The file that this comes from. */
    public String where() {
        return where;
    }

    /** The failure of a field: its name, its value and the rule. */
    public InvalidRequestException invalid(String name, Object value, String rule) {
        String text = String.valueOf(value);
        String shown = text.length() <= VALUE_SHOWN_MAX ? text : text.substring(0, VALUE_SHOWN_MAX) + "...";
        return new InvalidRequestException(name + " (" + shown + ") in " + where + " " + rule);
    }

    private Stream<JsonNode> list(String name, Predicate<JsonNode> fits) {
        JsonNode value = json.get(name);
        List<JsonNode> items = new ArrayList<>();
        value.forEach(items::add);
        if (!value.isArray() || !items.stream().allMatch(fits)) {
            throw invalid(name, value, "must be an array of values of one type");
        }
        return items.stream();
    }

    private JsonNode required(String name) {
        if (!has(name)) {
            String type = json.path("model_type").asText("");
            throw new InvalidRequestException(
                    where + " has no " + name + (type.isEmpty() ? "" : ", which model_type " + type + " needs"));
        }
        return json.get(name);
    }
}
