package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A call whose arguments stand as text between tags. Strings are written as they are, everything else as JSON; which of
 * them a text is, the reader tells from the schema. So where a string and something else are possible, a string is what
 * does not read as something else; and no string spells the tags themselves.
 */
final class TextArguments {
    private static final String BLANK = "[ \\t\\r\\n]*";
    /** What reads as a number, in JSON or in Python. */
    private static final String NUMBER = "[+\\-]?[0-9_.]*[0-9][0-9_.]*([eE][+\\-]?[0-9_]+)?";

    /** Keywords that a number has to keep. */
    private static final List<String> LIMITS =
            List.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf");

    /** Values without limits by their type, as JSON spells them. */
    private static final Map<String, String> SCALARS = Map.of(
            "integer", "-?(0|[1-9][0-9]*)",
            "number", "-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+\\-]?[0-9]+)?",
            "boolean", "true|false",
            "null", "null");

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
        Set<String> types = new TreeSet<>();
        boolean limited = addTypes(schema, types);
        add(schema, otherValues(types, limited), writings);
        if (writings.isEmpty()) {
            throw ArgumentSchemas.unsupported("properties", schema);
        }
        return writings;
    }

    private void add(JsonNode unresolved, String others, List<Writing> writings) {
        JsonNode schema = schemas.resolved(unresolved);
        if (schema.has("const") || schema.has("enum")) {
            if (schema.has("const")) {
                addOption(schema.get("const"), writings);
            }
            schema.path("enum").forEach(option -> addOption(option, writings));
            return;
        }
        if (schema.has("anyOf")) {
            schema.get("anyOf").forEach(option -> add(option, others, writings));
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
            writings.add(new Writing(true, string(schema, types.isEmpty() ? "" : others)));
        }
        if (!types.isEmpty() && !types.equals(Set.of("string"))) {
            addOthers(unresolved, schema, others, types, writings);
        }
    }

    /**
     * Values that are no strings. Beside a string a scalar is one terminal with its end, for what a string could be
     * goes on where a number or a constant is over.
     */
    private void addOthers(
            JsonNode unresolved, JsonNode schema, String others, Set<String> types, List<Writing> writings) {
        Set<String> left = new TreeSet<>(types);
        left.remove("string");
        boolean limited = LIMITS.stream().anyMatch(schema::has);
        String start = tags.wrapped() ? lark.text("\n") + " " : "";
        for (Map.Entry<String, String> scalar : SCALARS.entrySet()) {
            boolean number = scalar.getKey().equals("number") || scalar.getKey().equals("integer");
            if (!(number && limited) && left.remove(scalar.getKey())) {
                writings.add(new Writing(false, start + lark.ended("/" + scalar.getValue() + "/", end())));
            }
        }
        if (!left.isEmpty()) {
            ObjectNode narrowed = schema.deepCopy();
            ArrayNode kept = narrowed.putArray("type");
            left.forEach(kept::add);
            String value = lark.json(schemas.document(left.equals(types) ? unresolved : narrowed));
            writings.add(new Writing(false, start + value + " " + lark.text(end())));
        }
    }

    /** What ends a value. */
    private String end() {
        return (tags.wrapped() ? "\n" : "") + tags.parameterEnd();
    }

    /** A regular expression of the texts that read as a value of one of these types. */
    private String otherValues(Set<String> types, boolean limited) {
        List<String> others = new ArrayList<>();
        if (types.contains("number") || types.contains("integer")) {
            // Where a number with limits ends, a string must be none any more.
            others.add(NUMBER + (limited ? "(" + (tags.wrapped() ? "\\n" : "<") + "(?s:.*))?" : ""));
        }
        if (types.contains("boolean")) {
            others.add("[tT]rue|[fF]alse");
        }
        if (types.contains("null")) {
            others.add("null|None");
        }
        if (types.contains("array") || types.contains("object")) {
            others.add("[\\[{(](?s:.*)");
        }
        return others.isEmpty() ? "" : BLANK + "(" + String.join("|", others) + ")" + BLANK;
    }

    /** Adds the types of the values that a schema lets through, strings aside; whether numbers have limits. */
    private boolean addTypes(JsonNode unresolved, Set<String> types) {
        JsonNode schema = schemas.resolved(unresolved);
        boolean limited = LIMITS.stream().anyMatch(schema::has);
        for (JsonNode option : schema.path("anyOf")) {
            limited |= addTypes(option, types);
        }
        for (JsonNode option : schema.path("enum")) {
            types.add(option.isNumber() ? "number" : option.getNodeType().name().toLowerCase(Locale.ROOT));
        }
        types.addAll(ArgumentSchemas.types(schema));
        types.remove("string");
        return limited;
    }

    private void addOption(JsonNode option, List<Writing> writings) {
        String text = option.isTextual() ? option.asText() : option.toString();
        if (text.contains(tags.parameterEnd()) || text.startsWith("\n") || text.endsWith("\n")) {
            throw ArgumentSchemas.unsupported("enum", option);
        }
        String start = tags.wrapped() ? lark.text("\n") + " " : "";
        writings.add(new Writing(
                option.isTextual(),
                start + (text.isEmpty() ? lark.text(end()) : lark.ended(Lark.quoted(text), end()))));
    }

    private String string(JsonNode schema, String others) {
        for (String keyword : List.of("pattern", "format")) {
            if (schema.has(keyword)) {
                throw ArgumentSchemas.unsupported(keyword, schema.get(keyword));
            }
        }
        int least = schema.path("minLength").asInt(0);
        int most = schema.path("maxLength").asInt(-1);
        String start = tags.wrapped() ? lark.text("\n") + " " : "";
        String other = tags.typed() ? "" : others;
        if (tags.dropsLineBreaks()) {
            other = "(" + (other.isEmpty() ? "" : other + "|") + "\\n(?s:.*)|(?s:.*)\\n)";
        }
        return start + lark.freeText(end(), ownTags(), other, least, most);
    }

    /** Tags that a value does not spell, for a reader could take them for its end. */
    private List<String> ownTags() {
        String open = tags.parameter().substring(0, tags.parameter().indexOf("%s"));
        List<String> own = new ArrayList<>(List.of(tags.parameterEnd(), open, tags.callEnd()));
        own.removeIf(String::isEmpty);
        return own;
    }
}
