package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallFormat;
import dev.langchain4j.model.mlx.parse.CallFormat.Recipients;
import dev.langchain4j.model.mlx.parse.LenientJson.Dialect;
import java.util.function.Predicate;

/**
 * How a family of models writes its tool calls. What is known of a format stands in one class; here it gets its name.
 * The order is that in which formats are asked whether a template is theirs: what only one family says comes first.
 */
public enum ToolCallFormat {
    /** Messages to {@code functions.NAME} on a channel: gpt-oss. Read by the reasoning format of the same name. */
    HARMONY(new HarmonyFormat()),
    /** Invoke tags with typed parameters: DeepSeek V3.2 and V4. */
    DEEPSEEK_DSML(new DeepseekDsmlFormat()),
    /** Sections of calls: DeepSeek V3, R1 and V3.1. */
    DEEPSEEK(new DeepseekFormat()),
    /** Sections of calls with IDs: Kimi K2. */
    KIMI_K2(new KimiK2Format()),
    /** Elements between control tokens: Kimi K3. */
    KIMI_K3(new KimiK3Format()),
    /** Invoke tags: MiniMax M2. */
    MINIMAX_M2(new MinimaxM2Format()),
    /** Invoke tags with a prefix, in messages to the tool: Muse Spark and Glimmer. */
    MUSE_SPARK(new MuseSparkFormat()),
    /** Messages to recipients behind {@code >>>}: Functionary 3.2. */
    FUNCTIONARY_V3(new RecipientFormat(">>>all", new Recipients(">>>", "\n", "all"))),
    /** Messages to recipients behind {@code <|recipient|>}: Functionary 2. */
    FUNCTIONARY_V2(new RecipientFormat(
            "<|recipient|>all", new Recipients("<|from|>assistant\n<|recipient|>", "\n<|content|>", "all"))),
    /** {@code call:name{..}} with Gemma 4's quotes. */
    GEMMA4(new GemmaFormat("<|tool_call>", "<tool_call|>", "<|\"|>", Dialect.GEMMA4)),
    /** {@code call:name{..}} with FunctionGemma's quotes. */
    FUNCTION_GEMMA(new GemmaFormat("<start_function_call>", "<end_function_call>", "<escape>", Dialect.FUNCTION_GEMMA)),
    /** GLM's pairs with tags of its own: LongCat. */
    LONGCAT(new LongcatFormat()),
    /** Qwen3-Coder's XML between tags of its own: Seed-OSS. */
    SEED(new SeedFormat()),
    /** {@code [TOOL_CALLS]}: Mistral, old and new. */
    MISTRAL(new MistralFormat()),
    /** A JSON list between action tokens: Command R7B, Command A. */
    COHERE(new CohereFormat()),
    /** A JSON list in a code fence: Command R and R+. */
    COMMAND_R(new CommandRFormat()),
    /** Python calls between control tokens: LFM2. */
    PYTHONIC(new PythonicFormat()),
    /** A JSON list behind {@code <|tool_call|>} or {@code functools}: Phi-4. */
    PHI4(new Phi4Format()),
    /** A JSON list behind {@code <|tool_call|>}: Granite 3. */
    GRANITE(new GraniteFormat()),
    /** JSON behind {@code <function_call>}: Granite 20B function calling. */
    GRANITE_20B(new Granite20bFormat()),
    /** A JSON list between {@code <TOOLCALL>} tags: Nemotron Nano 2. */
    NEMOTRON(new JsonListFormat("<TOOLCALL>", "</TOOLCALL>")),
    /** A JSON list between {@code <tool_calls>} tags: Jamba, Apriel. */
    TOOL_CALLS_LIST(new JsonListFormat("<tool_calls>", "</tool_calls>")),
    /** JSON between action tokens: InternLM 2. */
    INTERNLM(new InternlmFormat()),
    /** JSON in a message of a role of its own: GigaChat 3. */
    GIGACHAT(new GigachatFormat()),
    /** A JSON list behind {@code functools}: FireFunction 2. */
    FIREFUNCTION(new FirefunctionFormat()),
    /** Function tags with a name attribute, values in CDATA where need be: MiniCPM 5. */
    MINICPM5(new Minicpm5Format()),
    /** Name and tagged pairs between {@code <tool_call>} tags: GLM 4.5 and later. */
    GLM(new GlmFormat()),
    /** XML between {@code <tool_call>} tags, which the model may forget: Qwen3-Coder, Qwen 3.5, Nemotron 3. */
    QWEN3_CODER(new Qwen3CoderFormat()),
    /** JSON between {@code <tool_call>} tags: Hermes, Qwen 2.5 and 3, Granite 4, SmolLM3 and many more. */
    HERMES(new HermesFormat()),
    /** JSON between function tags: Functionary 3.1. */
    FUNCTIONARY(new FunctionaryFormat()),
    /** A Python list of calls with no marker: Llama 3.2 and 4, ToolACE. */
    LLAMA_PYTHONIC(new LlamaPythonicFormat()),
    /** One JSON object, with or without {@code <|python_tag|>} before it: Llama 3.1 to 4. */
    LLAMA_JSON(new LlamaJsonFormat()),
    /**
     * A template that shows tools in a way of its own: Hermes' tags, bare JSON, and a name with JSON are understood.
     */
    GENERIC(new GenericFormat()),
    /** The template does not know tools; nothing is read as a call. */
    NONE(new NoFormat());

    private final WireFormat wire;

    ToolCallFormat(WireFormat wire) {
        this.wire = wire;
    }

    /** Recognises from the text of a chat template how its model writes tool calls. */
    public static ToolCallFormat detect(String template) {
        return detect(template, token -> false);
    }

    /**
     * Recognises how a model writes tool calls: from the text of its chat template, or, where that says nothing of its
     * own, from its vocabulary.
     *
     * @param tokens whether a text is one of the tokens that were added to the vocabulary
     */
    public static ToolCallFormat detect(String template, Predicate<String> tokens) {
        WireFormat.Clues clues = new WireFormat.Clues(template, tokens);
        ToolCallFormat found = NONE;
        for (ToolCallFormat format : values()) {
            if (format.wire.isToldBy(clues)) {
                found = format;
                break;
            }
        }
        if (found == GENERIC) {
            for (ToolCallFormat format : values()) {
                if (!format.wire.token().isEmpty() && tokens.test(format.wire.token())) {
                    return format;
                }
            }
        }
        return found;
    }

    WireFormat wire() {
        return wire;
    }

    /** What the parser asks of the format. */
    public CallFormat reading() {
        return wire;
    }

    /** An expression for one or more calls. */
    public String grammar(CallGrammar grammar) {
        return wire.grammar(grammar);
    }

    /** What the model writes before an answer that is text, behind the end of the prompt; empty for most. */
    public String answerOpening() {
        Recipients recipients = wire.recipients();
        return recipients == null ? "" : recipients.everyone() + recipients.headerEnd();
    }
}
