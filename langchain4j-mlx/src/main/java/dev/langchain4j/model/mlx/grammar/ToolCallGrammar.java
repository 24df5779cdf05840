package dev.langchain4j.model.mlx.grammar;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.mlx.parse.ToolCallFormat;
import java.util.Map;
import java.util.StringJoiner;
import java.util.function.BiFunction;

/**
 * One or more calls of tools on offer, in the words that the chat template writes calls of earlier turns in, with
 * arguments that conform to the tool's schema.
 */
final class ToolCallGrammar {
    /** A model that repeats itself without end comes to one. */
    static final int CALLS_MAX = 32;

    private static final String LINE = " /\\n{1,2}/? ";
    private static final String BLANK = " /[ \\n]{1,12}/? ";

    private final Lark lark;
    private final String template;
    private final Map<String, ObjectNode> tools;

    /**
     * @param template the chat template, which tells variants of a format apart
     * @param tools by name, with the schema of their arguments
     */
    ToolCallGrammar(Lark lark, String template, Map<String, ObjectNode> tools) {
        this.lark = lark;
        this.template = template;
        this.tools = tools;
    }

    /**
     * An expression for the calls.
     *
     * @throws UnsupportedFeatureException if the format cannot express the schemas
     */
    String calls(ToolCallFormat format) {
        return switch (format) {
            case NONE ->
                throw new UnsupportedFeatureException(
                        "ToolChoice.REQUIRED is not supported by this model:" + " its chat template knows no tools");
            case HERMES -> repeated(LINE, "<tool_call>", LINE + object("arguments") + LINE, "</tool_call>");
            case GENERIC ->
                "(" + repeated(LINE, "<tool_call>", LINE + object("arguments") + LINE, "</tool_call>") + " | "
                        + object("arguments") + ")";
            case LLAMA_JSON -> object("parameters");
            case GRANITE_20B -> repeated(BLANK, "<function_call>", " \" \"? " + object("arguments"), "");
            case INTERNLM ->
                repeated(BLANK, "<|action_start|><|plugin|>", BLANK + object(words("parameters")), "<|action_end|>");
            case GRANITE -> lark.text("<|tool_call|>") + BLANK + list("arguments");
            case PHI4 -> phi4();
            case FIREFUNCTION -> lark.text("functools") + list("arguments");
            case TOOL_CALLS_LIST -> lark.text("<tool_calls>") + BLANK + list("arguments") + end("</tool_calls>");
            case NEMOTRON -> lark.text("<TOOLCALL>") + BLANK + list("arguments") + end("</TOOLCALL>");
            case COHERE -> lark.text("<|START_ACTION|>") + BLANK + cohere() + end("<|END_ACTION|>");
            case COMMAND_R -> lark.text("Action: ```json") + BLANK + toolNameList("") + end("```");
            case MISTRAL -> mistral();
            case KIMI_K2 -> kimi();
            case KIMI_K3 -> kimiElements();
            case DEEPSEEK -> deepSeek();
            case FUNCTIONARY ->
                repeated(
                        LINE,
                        "<function=",
                        each((name, schema) -> lark.text(name + ">") + json(schema)),
                        "</function>");
            case FUNCTIONARY_V3 -> messages(">>>", "\n");
            case FUNCTIONARY_V2 -> messages("<|from|>assistant\n<|recipient|>", "\n<|content|>");
            case GIGACHAT -> lark.text("<|message_sep|>\n\nfunction call<|role_sep|>\n") + " " + object("arguments");
            case HARMONY -> harmony();
            case PYTHONIC -> lark.text("<|tool_call_start|>") + pythonList() + lark.text("<|tool_call_end|>");
            case LLAMA_PYTHONIC -> pythonList();
            case GEMMA4 -> gemma("<|tool_call>", "<tool_call|>", "<|\"|>");
            case FUNCTION_GEMMA -> gemma("<start_function_call>", "<end_function_call>", "<escape>");
            case QWEN3_CODER -> xml("<tool_call>", "</tool_call>", TextArguments.Tags.QWEN3_CODER);
            case SEED -> xml("<seed:tool_call>", "</seed:tool_call>", TextArguments.Tags.SEED);
            case MINIMAX_M2 -> xml("<minimax:tool_call>", "</minimax:tool_call>", TextArguments.Tags.MINIMAX);
            case MUSE_SPARK -> muse();
            case MINICPM5 -> xml("", "", TextArguments.Tags.MINICPM);
            case DEEPSEEK_DSML -> dsml();
            case GLM -> xml("<tool_call>", "</tool_call>", TextArguments.Tags.GLM);
            case LONGCAT -> xml("<longcat_tool_call>", "</longcat_tool_call>", TextArguments.Tags.LONGCAT);
        };
    }

    // ---- JSON that holds name and arguments ----------------------------------------------------------------------

    private String object(String argumentsKey) {
        ObjectNode schema = JsonNodeFactory.instance.objectNode();
        ArrayNode options = schema.putArray("anyOf");
        addCalls(options, "#/anyOf/", "name", argumentsKey, "");
        return lark.json(schema);
    }

    private String list(String argumentsKey) {
        return list("name", argumentsKey, "");
    }

    private String toolNameList(String idKey) {
        return list("tool_name", "parameters", idKey);
    }

    private String list(String nameKey, String argumentsKey, String idKey) {
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

    /** The word that the template itself uses for arguments. */
    private String words(String otherwise) {
        boolean arguments = template.contains("\"arguments\"") || template.contains("'arguments'");
        return arguments ? "arguments" : otherwise;
    }

    private String phi4() {
        boolean marker = template.contains("<|tool_call|>");
        return marker
                ? lark.text("<|tool_call|>") + BLANK + list("arguments") + "(" + BLANK + lark.text("<|/tool_call|>")
                        + ")?"
                : lark.text("functools") + list("arguments");
    }

    private String cohere() {
        return toolNameList(template.contains("tool_call_id") ? "tool_call_id" : "");
    }

    private String mistral() {
        String start = lark.text("[TOOL_CALLS]");
        if (!template.contains("[ARGS]")) {
            return start + " \" \"? " + list("arguments");
        }
        String id = template.contains("[CALL_ID]") ? lark.text("[CALL_ID]") + " /[a-zA-Z0-9]{9}/ " : "";
        return upTo(start + each((name, schema) -> lark.text(name) + " " + id + lark.text("[ARGS]") + json(schema)));
    }

    // ---- a header with the name, then JSON -----------------------------------------------------------------------

    private String kimi() {
        String call = lark.text("<|tool_call_begin|>")
                + each((name, schema) -> lark.text("functions." + name + ":") + " /[0-9]{1,2}/ "
                        + lark.text("<|tool_call_argument_begin|>") + json(schema))
                + lark.text("<|tool_call_end|>");
        return lark.text("<|tool_calls_section_begin|>") + upTo(call) + lark.text("<|tool_calls_section_end|>");
    }

    private String kimiElements() {
        String call = each((name, schema) ->
                lark.text("<|open|>call tool=\"" + name + "\"<|sep|><|open|>json type=\"object\"<|sep|>")
                        + json(schema)
                        + lark.text("<|close|>json<|sep|><|close|>call<|sep|>"));
        return lark.text("<|open|>tools<|sep|>") + upTo(call) + lark.text("<|close|>tools<|sep|>");
    }

    private String deepSeek() {
        boolean fenced = template.contains("```json");
        String call = lark.text("<｜tool▁call▁begin｜>")
                + each((name, schema) -> fenced
                        ? lark.text("function<｜tool▁sep｜>" + name + "\n```json\n") + json(schema) + lark.text("\n```")
                        : lark.text(name + "<｜tool▁sep｜>") + json(schema))
                + lark.text("<｜tool▁call▁end｜>");
        return lark.text("<｜tool▁calls▁begin｜>") + upTo(call + LINE) + lark.text("<｜tool▁calls▁end｜>");
    }

    private String harmony() {
        return each((name, schema) -> "(" + lark.text(" to=functions." + name + "<|channel|>commentary") + " ("
                + lark.text(" json") + " | \" \"? " + lark.text("<|constrain|>json") + ")? | "
                + lark.text("<|channel|>commentary to=functions." + name + " <|constrain|>json") + ") "
                + lark.text("<|message|>") + json(schema));
    }

    /** Messages to tools; the prompt ends where the first tool is to be named. */
    private String messages(String start, String headerEnd) {
        String call = each((name, schema) -> lark.text(name + headerEnd) + json(schema));
        return "(" + call + " (" + LINE + lark.text(start) + " " + call + "){0," + (CALLS_MAX - 1) + "})";
    }

    private String json(ObjectNode arguments) {
        return " " + lark.json(SchemaRewriter.forGrammar(arguments, "#")) + " ";
    }

    // ---- notations of their own ----------------------------------------------------------------------------------

    private String pythonList() {
        String call = each((name, schema) -> new NativeArguments(lark, schema, NativeArguments.PYTHON).call(name));
        return "(\"[\" " + call + " (/, ?/ " + call + "){0," + (CALLS_MAX - 1) + "} \"]\")";
    }

    private String gemma(String start, String end, String quote) {
        String call = each((name, schema) ->
                new NativeArguments(lark, schema, NativeArguments.Notation.gemma(quote)).call("call:" + name));
        return upTo(lark.text(start) + call + lark.text(end));
    }

    private String xml(String start, String end, TextArguments.Tags tags) {
        String call = each((name, schema) -> new TextArguments(lark, schema, tags).call(name));
        return tags.severalInABlock()
                ? lark.text(start) + LINE + upTo(call) + lark.text(end)
                : repeated(LINE, start, (tags.lines() ? LINE : "") + call, end);
    }

    private String muse() {
        String call = each((name, schema) -> lark.text(" to=" + name + "<|message|><atem:function_calls>\n")
                + new TextArguments(lark, schema, TextArguments.Tags.MUSE).call(name)
                + lark.text("</atem:function_calls>"));
        String next = lark.text("<|eom|><|start|>assistant") + " " + call;
        return "((" + lark.text("<|start|>assistant") + ")? " + call + " (" + next + "){0," + (CALLS_MAX - 1) + "})";
    }

    private String dsml() {
        boolean newer = template.contains("tool_calls>") && !template.contains("function_calls>");
        String block = newer ? "｜DSML｜tool_calls>" : "｜DSML｜function_calls>";
        return xml("<" + block, "</" + block, TextArguments.Tags.DSML);
    }

    // ---- putting together ----------------------------------------------------------------------------------------

    private String end(String marker) {
        return BLANK + lark.text(marker);
    }

    private String repeated(String gap, String start, String call, String end) {
        return upTo(lark.text(start) + " " + call + " " + lark.text(end) + gap);
    }

    private static String upTo(String call) {
        return " (" + call + "){1," + CALLS_MAX + "} ";
    }

    /** One of the tools. */
    private String each(BiFunction<String, ObjectNode, String> call) {
        StringJoiner options = new StringJoiner(" | ");
        tools.forEach((name, schema) -> options.add(call.apply(name, schema)));
        return " " + lark.rule("", options.toString()) + " ";
    }
}
