package dev.langchain4j.model.mlx.parse;

import java.util.List;

/** How a family of models sets its reasoning apart from its answer. */
public enum ReasoningFormat {
    /** The model does not mark any reasoning. */
    NONE("", ""),
    /** {@code <think>..</think>}: Qwen 3, DeepSeek R1, GLM and most others. */
    THINK("<think>", "</think>"),
    /** Granite 3.3: think tags, and tags around the answer, too. */
    THINK_RESPONSE("<think>", "</think>", "<response>", "</response>"),
    /** {@code <seed:think>}: Seed-OSS. */
    SEED("<seed:think>", "</seed:think>"),
    /** {@code <longcat_think>}: LongCat. */
    LONGCAT("<longcat_think>", "</longcat_think>"),
    /** {@code <|think:start|>}, as mlx-lm knows it. */
    THINK_TOKENS("<|think:start|>", "<|think:end|>"),
    /** {@code <thought>}: EXAONE Deep. */
    THOUGHT("<thought>", "</thought>"),
    /** {@code [THINK]}: Magistral and Ministral. */
    MISTRAL("[THINK]", "[/THINK]"),
    /** A channel named thought: Gemma 4. */
    GEMMA4("<|channel>thought", "<channel|>"),
    /** Cohere's Command models; the answer may have markers of its own. */
    COHERE(
            "<|START_THINKING|>",
            "<|END_THINKING|>",
            "<|START_RESPONSE|>",
            "<|END_RESPONSE|>",
            "<|START_TEXT|>",
            "<|END_TEXT|>"),
    /** Messages to recipients, of which reasoning is one to {@code self}: Muse Spark and Glimmer. */
    MUSE(
            " to=self<|message|>",
            "<|eom|>",
            " to=user<|message|>",
            "<|eom|>",
            "<|start|>assistant to=user<|message|>",
            "<|eom|>",
            "<|start|>assistant",
            "<|eom|>"),
    /** Elements between control tokens, for the answer, too: Kimi K3. */
    XTML(
            "<|open|>think<|sep|>",
            "<|close|>think<|sep|>",
            "<|open|>response<|sep|>",
            "<|close|>response<|sep|>",
            "<|open|>response<|sep|>",
            "<|close|>message<|sep|>"),
    /** Apriel: reasoning comes first, without a marker, until the answer is announced. */
    APRIEL("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),
    /** Channels for everything, tool calls included: gpt-oss. */
    HARMONY("<|channel|>analysis<|message|>", "<|end|>");

    private final String open;
    private final String close;
    private final List<String> ignored;

    ReasoningFormat(String open, String close, String... ignored) {
        this.open = open;
        this.close = close;
        this.ignored = List.of(ignored);
    }

    /** Recognises from the text of a chat template how its model reasons. */
    public static ReasoningFormat detect(String template) {
        if (template.contains("<|channel|>") && template.contains("<|message|>")) {
            return HARMONY;
        }
        if (template.contains("<|channel>") && template.contains("<channel|>")) {
            return GEMMA4;
        }
        if (template.contains("<|START_THINKING|>") || template.contains("<|START_RESPONSE|>")) {
            return COHERE;
        }
        if (template.contains("to=self<|message|>")) {
            return MUSE;
        }
        for (ReasoningFormat format : new ReasoningFormat[] {SEED, XTML, LONGCAT, THINK_TOKENS}) {
            if (template.contains(format.open)) {
                return format;
            }
        }
        if (template.contains(MISTRAL.open)) {
            return MISTRAL;
        }
        if (template.contains(APRIEL.close)) {
            return APRIEL;
        }
        if (template.contains(THINK.open) || template.contains(THINK.close)) {
            return template.contains("<response></response>") ? THINK_RESPONSE : THINK;
        }
        return template.contains(THOUGHT.open) ? THOUGHT : NONE;
    }

    /** Whether a rendered prompt leaves the reasoning open, so that the output starts inside of it. */
    public boolean opensIn(String prompt) {
        return this != NONE && this != HARMONY && prompt.startsWith(open, contentLength(prompt) - open.length());
    }

    /** Chars of a text before the white space at its end. A prompt is long, so it is not copied. */
    public static int contentLength(String text) {
        return contentLength(text, text.length());
    }

    /** The same of the first so many chars. */
    public static int contentLength(String text, int end) {
        int length = end;
        while (length > 0 && Character.isWhitespace(text.charAt(length - 1))) {
            length--;
        }
        return length;
    }

    /** Text that opens the reasoning; empty for {@link #NONE}. */
    public String open() {
        return open;
    }

    /** Text that ends the reasoning; empty for {@link #NONE}. */
    public String close() {
        return close;
    }

    /**
     * Texts that close reasoning which became too long, as the family was trained to go on: the one that is tried
     * first, first. Where the family knows no sentence of its own, the end of the reasoning as the model itself writes
     * it.
     *
     * @param sentence what the model was trained to read before the closing marker; empty for nothing
     * @param mayCall whether the answer may be a tool call
     * @param again whether the model opened the reasoning again after it was closed
     */
    public List<String> closings(String sentence, boolean mayCall, boolean again) {
        return switch (this) {
            case NONE -> List.of();
            case HARMONY -> {
                String turn = close + "<|start|>assistant";
                yield mayCall && !again ? List.of(turn) : List.of(turn + "<|channel|>final<|message|>", turn);
            }
            case SEED ->
                List.of(
                        "<seed:cot_budget_reflect>I have exhausted my token budget, and now I will start answering the"
                                + " question.</seed:cot_budget_reflect>\n" + close,
                        close);
            case THINK -> again ? List.of(close) : List.of(sentence + "\n" + close + "\n\n", close);
            case THINK_TOKENS, THOUGHT, LONGCAT, APRIEL -> List.of("\n" + close + "\n", close);
            default -> List.of(close);
        };
    }

    /** Markers around an answer that are no part of it: what opens and what closes it, in turn. */
    public List<String> ignored() {
        return ignored;
    }

    /** Whether the opening marker is a control token, which cannot be part of an answer's prose. */
    boolean opensAnywhere() {
        return open.contains("<|") || open.startsWith("[");
    }

    /** Whether the closing marker is no tag that an answer's prose may name. */
    boolean closesAnywhere() {
        return !close.startsWith("</");
    }
}
