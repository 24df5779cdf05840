package dev.langchain4j.model.mlx.parse;

import java.util.List;
import java.util.function.BiFunction;

/** How a family of models writes its tool calls. */
public enum ToolCallFormat {
    /** The template does not know tools; nothing is read as a call. */
    NONE((calls, tools) -> null),
    /** JSON between {@code <tool_call>} tags: Hermes, Qwen 2.5 and 3, Granite 4, SmolLM3 and many more. */
    HERMES((calls, tools) -> new TaggedCalls(calls, tools, "</tool_call>", false), "<tool_call>"),
    /** XML between {@code <tool_call>} tags, which the model may forget: Qwen3-Coder, Qwen 3.5, Nemotron 3. */
    QWEN3_CODER((calls, tools) -> new TaggedCalls(calls, tools, "</tool_call>", false), "<tool_call>", "<function="),
    /** Name and tagged pairs between {@code <tool_call>} tags: GLM 4.5 and later. */
    GLM((calls, tools) -> new TaggedCalls(calls, tools, "</tool_call>", false), "<tool_call>"),
    /** GLM's pairs with tags of its own: LongCat. */
    LONGCAT(
            (calls, tools) -> new ArgPairCalls(calls, tools, "longcat_", "</longcat_tool_call>"),
            "<longcat_tool_call>"),
    /** Qwen3-Coder's XML between tags of its own: Seed-OSS. */
    SEED((calls, tools) -> new TaggedCalls(calls, tools, "</seed:tool_call>", false), "<seed:tool_call>"),
    /** {@code [TOOL_CALLS]}: Mistral, old and new. */
    MISTRAL(MistralCalls::new, "[TOOL_CALLS]"),
    /** Python calls between control tokens: LFM2. */
    PYTHONIC((calls, tools) -> new PythonicCalls(calls, tools, "<|tool_call_end|>", false), "<|tool_call_start|>"),
    /** A Python list of calls with no marker: Llama 3.2 and 4, ToolACE. */
    LLAMA_PYTHONIC((calls, tools) -> new PythonicCalls(calls, tools, "", true)),
    /** One JSON object, with or without {@code <|python_tag|>} before it: Llama 3.1 to 4. */
    LLAMA_JSON(
            (calls, tools) -> new TaggedCalls(calls, tools, "", true),
            "<|python_tag|>",
            "<|python_start|>",
            "<|python_end|>"),
    /** Sections of calls with IDs: Kimi K2. */
    KIMI_K2((calls, tools) -> new HeaderCalls(calls, tools, HeaderCalls.KIMI), "<|tool_calls_section_begin|>"),
    /** Elements between control tokens: Kimi K3. */
    KIMI_K3(XtmlCalls::new, "<|open|>tools<|sep|>"),
    /** Invoke tags: MiniMax M2. */
    MINIMAX_M2(
            (calls, tools) ->
                    new XmlCalls(calls, tools, XmlCalls.Tags.nameAttribute(""), "</minimax:tool_call>", false),
            "<minimax:tool_call>"),
    /** Invoke tags with a prefix, in messages to the tool: Muse Spark and Glimmer. */
    MUSE_SPARK(
            (calls, tools) ->
                    new XmlCalls(calls, tools, XmlCalls.Tags.nameAttribute("atem:"), "</atem:function_calls>", false),
            "<atem:function_calls>"),
    /** Function tags with a name attribute, values in CDATA where need be: MiniCPM 5. */
    MINICPM5((calls, tools) -> new XmlCalls(calls, tools, XmlCalls.Tags.MINICPM, "", true), "<function name="),
    /** {@code call:name{..}} with Gemma 4's quotes. */
    GEMMA4((calls, tools) -> new GemmaCalls(calls, tools, LenientJson.Dialect.GEMMA4, "<tool_call|>"), "<|tool_call>"),
    /** {@code call:name{..}} with FunctionGemma's quotes. */
    FUNCTION_GEMMA(
            (calls, tools) -> new GemmaCalls(calls, tools, LenientJson.Dialect.FUNCTION_GEMMA, "<end_function_call>"),
            "<start_function_call>"),
    /** Sections of calls: DeepSeek V3, R1 and V3.1. */
    DEEPSEEK((calls, tools) -> new HeaderCalls(calls, tools, HeaderCalls.DEEPSEEK), "<｜tool▁calls▁begin｜>"),
    /** Invoke tags with typed parameters: DeepSeek V3.2 and V4. */
    DEEPSEEK_DSML((calls, tools) -> null, "<｜DSML｜function_calls>", "<｜DSML｜tool_calls>"),
    /** A JSON list behind {@code <|tool_call|>}: Granite 3. */
    GRANITE((calls, tools) -> new JsonCalls(calls, tools, "", false), "<|tool_call|>"),
    /** JSON behind {@code <function_call>}: Granite 20B function calling. */
    GRANITE_20B((calls, tools) -> new JsonCalls(calls, tools, "", false), "<function_call>"),
    /** A JSON list between action tokens: Command R7B, Command A. */
    COHERE((calls, tools) -> new JsonCalls(calls, tools, "<|END_ACTION|>", false), "<|START_ACTION|>"),
    /** A JSON list in a code fence: Command R and R+. */
    COMMAND_R((calls, tools) -> new JsonCalls(calls, tools, "```", false), "Action:```json", "Action: ```json"),
    /** A JSON list behind {@code <|tool_call|>} or {@code functools}: Phi-4. */
    PHI4((calls, tools) -> new JsonCalls(calls, tools, "", false), "<|tool_call|>", "functools"),
    /** A JSON list between {@code <tool_calls>} tags: Jamba, Apriel. */
    TOOL_CALLS_LIST((calls, tools) -> new JsonCalls(calls, tools, "</tool_calls>", false), "<tool_calls>"),
    /** A JSON list between {@code <TOOLCALL>} tags: Nemotron Nano 2. */
    NEMOTRON((calls, tools) -> new JsonCalls(calls, tools, "</TOOLCALL>", false), "<TOOLCALL>"),
    /** JSON between action tokens: InternLM 2. */
    INTERNLM((calls, tools) -> new JsonCalls(calls, tools, "<|action_end|>", false), "<|action_start|><|plugin|>"),
    /** A JSON list behind {@code functools}: FireFunction 2. */
    FIREFUNCTION((calls, tools) -> new JsonCalls(calls, tools, "", false), "functools"),
    /** Messages to recipients behind {@code >>>}: Functionary 3.2. */
    FUNCTIONARY_V3((calls, tools) -> null),
    /** Messages to recipients behind {@code <|recipient|>}: Functionary 2. */
    FUNCTIONARY_V2((calls, tools) -> null),
    /** JSON between function tags: Functionary 3.1. */
    FUNCTIONARY((calls, tools) -> new HeaderCalls(calls, tools, HeaderCalls.FUNCTIONARY), "<function="),
    /** JSON in a message of a role of its own: GigaChat 3. */
    GIGACHAT(
            (calls, tools) -> new JsonCalls(calls, tools, "", false),
            "<|message_sep|>\n\nfunction call<|role_sep|>",
            "function call<|role_sep|>"),
    /** Messages to {@code functions.NAME} on a channel: gpt-oss. Read by the reasoning format of the same name. */
    HARMONY((calls, tools) -> null),
    /** A template that shows tools in a way of its own: Hermes' tags and bare JSON are understood. */
    GENERIC((calls, tools) -> new TaggedCalls(calls, tools, "</tool_call>", false), "<tool_call>");

    private final BiFunction<CallEmitter, ToolSchemas, CallReader> opener;
    private final List<String> starts;

    ToolCallFormat(BiFunction<CallEmitter, ToolSchemas, CallReader> opener, String... starts) {
        this.opener = opener;
        this.starts = List.of(starts);
    }

    /** Recognises from the text of a chat template how its model writes tool calls. */
    public static ToolCallFormat detect(String template) {
        for (Clue clue : CLUES) {
            if (template.contains(clue.text)) {
                return clue.format;
            }
        }
        if (template.contains("<function name=") && template.contains("<param name=")) {
            return MINICPM5;
        }
        if (template.contains("<tool_call>")) {
            return template.contains("<arg_key>") ? GLM : template.contains("<function=") ? QWEN3_CODER : HERMES;
        }
        if (template.contains("<function=")) {
            return FUNCTIONARY;
        }
        if (template.contains("python list") || template.contains("[func_name1(")) {
            return LLAMA_PYTHONIC;
        }
        if (template.contains("<|python_tag|>") || template.contains("\"parameters\": dictionary")) {
            return LLAMA_JSON;
        }
        return template.contains("tools") ? GENERIC : NONE;
    }

    private record Clue(String text, ToolCallFormat format) {}

    /** Text that only one family's templates have; the first that is found decides. */
    private static final List<Clue> CLUES = List.of(
            new Clue("<|channel|>", HARMONY),
            new Clue("｜DSML｜", DEEPSEEK_DSML),
            new Clue("<｜tool▁calls▁begin｜>", DEEPSEEK),
            new Clue("<|tool_calls_section_begin|>", KIMI_K2),
            new Clue("<|open|>tools<|sep|>", KIMI_K3),
            new Clue("<minimax:tool_call>", MINIMAX_M2),
            new Clue("<atem:function_calls>", MUSE_SPARK),
            new Clue(">>>all", FUNCTIONARY_V3),
            new Clue("<|recipient|>all", FUNCTIONARY_V2),
            new Clue("<|tool_call>", GEMMA4),
            new Clue("<start_function_call>", FUNCTION_GEMMA),
            new Clue("<longcat_tool_call>", LONGCAT),
            new Clue("<seed:tool_call>", SEED),
            new Clue("[TOOL_CALLS]", MISTRAL),
            new Clue("<|START_ACTION|>", COHERE),
            new Clue("directly_answer", COMMAND_R),
            new Clue("<|tool_call_start|>", PYTHONIC),
            new Clue("<|tool_list_start|>", PYTHONIC),
            new Clue("<|/tool|>", PHI4),
            new Clue("<|tool_call|>", GRANITE),
            new Clue("<function_call>", GRANITE_20B),
            new Clue("<TOOLCALL>", NEMOTRON),
            new Clue("<tool_calls>", TOOL_CALLS_LIST),
            new Clue("<|action_start|>", INTERNLM),
            new Clue("'function call'", GIGACHAT),
            new Clue("functools[", FIREFUNCTION));

    /** Markers that open a block of calls. */
    List<String> starts() {
        return starts;
    }

    /** First characters of an answer that may be a call without a marker. */
    String bareStarts() {
        return switch (this) {
            case LLAMA_JSON -> "{";
            case GENERIC -> "{[";
            case LLAMA_PYTHONIC -> "[";
            default -> "";
        };
    }

    /** Markers that may trail a block whose calls end by themselves. */
    List<String> ends() {
        return switch (this) {
            case HERMES, QWEN3_CODER, GLM, GENERIC -> List.of("</tool_call>");
            case PHI4 -> List.of("<|/tool_call|>");
            case GIGACHAT -> List.of("<|message_sep|>");
            case DEEPSEEK_DSML -> List.of("</｜DSML｜function_calls>", "</｜DSML｜tool_calls>");
            default -> List.of();
        };
    }

    /**
     * Whether a call stands behind the marker {@code start}, which the input stands at. Llama 4 puts its Python markers
     * around text, too, and calls behind the latter.
     */
    Input.Match opensCall(String start, Input in) {
        if (this != LLAMA_JSON || start.equals("<|python_tag|>")) {
            return Input.Match.YES;
        }
        int at = start.length();
        while (at < in.available() && Character.isWhitespace(in.ahead(at))) {
            at++;
        }
        boolean python = start.equals("<|python_start|>");
        while (python && at < in.available() && CallReader.isNamePart(in.ahead(at))) {
            at++;
        }
        if (at == in.available()) {
            return in.ended() ? Input.Match.NO : Input.Match.MAYBE;
        }
        return (python ? "{[(" : "{").indexOf(in.ahead(at)) >= 0 ? Input.Match.YES : Input.Match.NO;
    }

    /** Headers of messages that are no part of their text: those that say which tool a message is for. */
    List<String> headers(ToolSchemas tools) {
        return this == MUSE_SPARK
                ? tools.names().stream()
                        .map(name -> " to=" + name + "<|message|>")
                        .toList()
                : List.of();
    }

    /** How messages say whom they are for; null for formats that have no such messages, or a machine of their own. */
    RecipientMachine.Marks recipients() {
        return switch (this) {
            case FUNCTIONARY_V3 -> RecipientMachine.Marks.FUNCTIONARY_V3;
            case FUNCTIONARY_V2 -> RecipientMachine.Marks.FUNCTIONARY_V2;
            default -> null;
        };
    }

    /** What the model writes before an answer that is text, behind the end of the prompt; empty for most. */
    public String answerOpening() {
        return recipients() == null
                ? ""
                : recipients().everyone() + recipients().headerEnd();
    }

    /** A reader for a block that {@code start} opened; empty for a block without a marker. */
    CallReader open(String start, CallEmitter calls, ToolSchemas tools) {
        if (start.isEmpty()) {
            return this == LLAMA_PYTHONIC
                    ? new PythonicCalls(calls, tools, "", true)
                    : new JsonCalls(calls, tools, "", true);
        }
        if (this == QWEN3_CODER && start.equals("<function=")) {
            return new XmlCalls(calls, tools, XmlCalls.Tags.equalsSign(), "", true);
        }
        if (this == DEEPSEEK_DSML) {
            String end = "</" + start.substring(1);
            return new XmlCalls(calls, tools, XmlCalls.Tags.nameAttribute("｜DSML｜"), end, false);
        }
        return opener.apply(calls, tools);
    }
}
