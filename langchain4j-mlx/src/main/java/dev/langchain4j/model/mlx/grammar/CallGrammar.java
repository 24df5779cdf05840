package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.UnsupportedFeatureException;
import java.util.Map;
import java.util.StringJoiner;
import java.util.function.BiFunction;

/**
 * What wire formats put the grammar of their calls together from: one or more calls of tools on offer, in the words
 * that the chat template writes calls of earlier turns in, with arguments that conform to the tool's schema. Methods
 * give expressions of a grammar; they throw {@link UnsupportedFeatureException} for schemas that a notation cannot
 * express.
 */
public final class CallGrammar {
    /** Between lines that a model may leave out. */
    public static final String LINE = " /\\n{1,2}/? ";
    /** Between markers and JSON. */
    public static final String BLANK = " /[ \\n]{1,12}/? ";
    /** A model that repeats itself without end comes to one. */
    static final int CALLS_MAX = 32;

    private final Lark lark;
    private final String template;
    private final Map<String, ObjectNode> tools;

    /**
     * @param template the chat template, which tells variants of a format apart
     * @param tools by name, with the schema of their arguments
     */
    CallGrammar(Lark lark, String template, Map<String, ObjectNode> tools) {
        this.lark = lark;
        this.template = template;
        this.tools = tools;
    }

    /** The source of the chat template. */
    public String template() {
        return template;
    }

    /** Exactly this text, in which names of special tokens stand for those tokens. */
    public String text(String text) {
        return lark.text(text);
    }

    // ---- JSON ----------------------------------------------------------------------------------------------------

    /** A JSON object with the name and the arguments of a call. */
    public String object(String argumentsKey) {
        ObjectNode schema = JsonNodeFactory.instance.objectNode();
        ArrayNode options = schema.putArray("anyOf");
        addCalls(options, "#/anyOf/", "name", argumentsKey, "");
        return lark.json(schema);
    }

    /** A JSON list of such objects. */
    public String list(String argumentsKey) {
        return list("name", argumentsKey, "");
    }

    /**
     * A JSON list of objects with the name and the arguments of a call.
     *
     * @param idKey the key of a number that comes first; empty for none
     */
    public String list(String nameKey, String argumentsKey, String idKey) {
        ObjectNode schema = JsonNodeFactory.instance.objectNode();
        schema.put("type", "array").put("minItems", 1).put("maxItems", CALLS_MAX);
        addCalls(schema.putObject("items").putArray("anyOf"), "#/items/anyOf/", nameKey, argumentsKey, idKey);
        return lark.json(schema);
    }

    private void addCalls(ArrayNode options, String pointer, String nameKey, String argumentsKey, String idKey) {
        tools.forEach((name, arguments) -> {
            String place = pointer + options.size() + "/properties/" + argumentsKey;
            ObjectNode call = options.addObject().put("type", "object").put("additionalProperties", false);
            ObjectNode properties = call.putObject("properties");
            ArrayNode required = call.putArray("required");
            if (!idKey.isEmpty()) {
                properties.putObject(idKey).put("type", "string").put("pattern", "^[0-9]{1,2}$");
                required.add(idKey);
            }
            properties.putObject(nameKey).put("const", name);
            properties.set(argumentsKey, SchemaRewriter.forGrammar(arguments, place));
            required.add(nameKey).add(argumentsKey);
        });
    }

    /** A JSON object of arguments. */
    public String json(ObjectNode arguments) {
        return " " + lark.json(SchemaRewriter.forGrammar(arguments, "#")) + " ";
    }

    // ---- other notations -----------------------------------------------------------------------------------------

    /** A list of calls as Python writes them. */
    public String pythonList() {
        String call = each((name, schema) -> new NativeArguments(lark, schema, NativeArguments.PYTHON).call(name));
        return "(\"[\" " + call + " (/, ?/ " + call + "){0," + (CALLS_MAX - 1) + "} \"]\")";
    }

    /** Calls in Gemma's notation. */
    public String gemma(String start, String end, String quote) {
        String call = each((name, schema) ->
                new NativeArguments(lark, schema, NativeArguments.Notation.gemma(quote)).call("call:" + name));
        return upTo(lark.text(start) + call + lark.text(end));
    }

    /** Calls whose arguments are text between tags, in blocks between two markers. */
    public String tagged(String start, String end, ArgumentTags tags) {
        String call = each((name, schema) -> tagged(name, schema, tags));
        return tags.severalInABlock()
                ? lark.text(start) + LINE + upTo(call) + lark.text(end)
                : repeated(LINE, start, (tags.lines() ? LINE : "") + call, end);
    }

    /** A call whose arguments are text between tags. */
    public String tagged(String name, ObjectNode schema, ArgumentTags tags) {
        return new TextArguments(lark, schema, tags).call(name);
    }

    /** Messages to tools; the prompt ends where the first tool is to be named. */
    public String messages(String start, String headerEnd) {
        String call = each((name, schema) -> lark.text(name + headerEnd) + json(schema));
        return severalWith(call, LINE + lark.text(start));
    }

    // ---- putting together ----------------------------------------------------------------------------------------

    /** The marker that ends a block, behind white space or directly. */
    public String end(String marker) {
        return BLANK + lark.text(marker);
    }

    /** One or more calls, each between markers, with a gap behind each. */
    public String repeated(String gap, String start, String call, String end) {
        return upTo(lark.text(start) + " " + call + " " + lark.text(end) + gap);
    }

    /** One or more calls, with something between two of them. */
    public String severalWith(String call, String between) {
        return "(" + call + " (" + between + " " + call + "){0," + (CALLS_MAX - 1) + "})";
    }

    /** One or more of these. */
    public String upTo(String call) {
        return " (" + call + "){1," + CALLS_MAX + "} ";
    }

    /** One of the tools. */
    public String each(BiFunction<String, ObjectNode, String> call) {
        StringJoiner options = new StringJoiner(" | ");
        tools.forEach((name, schema) -> options.add(call.apply(name, schema)));
        return " " + lark.rule("", options.toString()) + " ";
    }
}
