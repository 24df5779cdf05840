package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.generate.ReasoningLimit;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.prompt.ChatTemplate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What a request says of reasoning, in terms of its model: variables of the chat template, where the template knows
 * such, and a limit that is kept in any case.
 */
final class ReasoningSettings {
    private static final String NO_EFFORT = "none";
    /** What effort is worth in tokens where a template knows no effort. */
    private static final Map<String, Integer> TOKENS =
            Map.of(NO_EFFORT, 0, "minimal", 512, "low", 2_048, "medium", 8_192);

    private static final List<String> UNLIMITED = List.of("high", "xhigh", "max");
    private static final List<String> BUDGETS = List.of("thinking_budget", "reasoning_budget");
    private static final String EFFORT = "reasoning_effort";
    private static final String LOW_EFFORT = "low_effort";

    /** Qwen 3 was trained to go on behind it. Source: its technical report, arXiv:2505.09388, section 4.3. */
    private static final String QWEN3 =
            "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly now.";

    private final MlxChatRequestParameters parameters;
    private final String template;
    private final ReasoningFormat format;
    private final Integer maxTokens;

    /**
     * The settings of a request.
     *
     * @param template source of the chat template that serves it
     * @throws InvalidRequestException for a word that says nothing of effort
     * @throws UnsupportedFeatureException for effort of a model that does not reason
     */
    ReasoningSettings(MlxChatRequestParameters parameters, String template, ReasoningFormat format) {
        this.parameters = parameters;
        this.template = template;
        this.format = format;
        maxTokens = parameters.maxReasoningTokens() != null ? parameters.maxReasoningTokens() : tokensOfEffort();
    }

    private Integer tokensOfEffort() {
        String effort = parameters.reasoningEffort();
        if (effort == null || knowsEffort(effort)) {
            return null;
        }
        String word = effort.toLowerCase(Locale.ROOT);
        if (!TOKENS.containsKey(word) && !UNLIMITED.contains(word)) {
            throw new InvalidRequestException("reasoningEffort (" + effort
                    + ") must be none, minimal, low, medium, high, xhigh or max: the chat template of this model has no"
                    + " efforts of its own");
        }
        if (format == ReasoningFormat.NONE && !isNone(effort)) {
            throw new UnsupportedFeatureException(
                    "reasoningEffort (" + effort + ") is not supported by this model: it does not reason");
        }
        return TOKENS.get(word);
    }

    private static boolean isNone(String effort) {
        return effort.equalsIgnoreCase(NO_EFFORT);
    }

    /** Whether the template says it to the model. No reasoning at all is an effort to few of them. */
    private boolean knowsEffort(String effort) {
        return isNone(effort)
                ? knows(EFFORT)
                        && Pattern.compile("[\"']none[\"']").matcher(template).find()
                : knows(EFFORT) || knows(LOW_EFFORT);
    }

    private boolean knows(String variable) {
        return Pattern.compile("\\b" + variable + "\\b").matcher(template).find();
    }

    /**
     * What the chat template sees beside messages and tools. Effort asks for reasoning, unless the request says
     * otherwise.
     */
    Map<String, Object> templateArguments() {
        String effort = parameters.reasoningEffort();
        Map<String, Object> all = new LinkedHashMap<>();
        if (effort != null && knowsEffort(effort)) {
            if (knows(EFFORT)) {
                all.put(EFFORT, effort);
            }
            if (knows(LOW_EFFORT)) {
                all.put(LOW_EFFORT, effort.equalsIgnoreCase("low") || effort.equalsIgnoreCase("minimal"));
            }
        }
        for (String budget : BUDGETS) {
            if (maxTokens != null && knows(budget)) {
                all.put(budget, maxTokens);
            }
        }
        all.putAll(parameters.templateArguments());
        Boolean asked = effort == null ? null : Boolean.valueOf(!isNone(effort));
        return ChatTemplate.arguments(parameters.think() != null ? parameters.think() : asked, all);
    }

    /**
     * The limit of the reasoning, or null for none.
     *
     * @param modelType model_type of the model's config.json
     * @param mayCall whether the answer may be a tool call
     */
    ReasoningLimit limit(Tokenizer tokenizer, String modelType, boolean mayCall) {
        if (maxTokens == null || format == ReasoningFormat.NONE) {
            return null;
        }
        String sentence = modelType.startsWith("qwen3") ? QWEN3 : "";
        return new ReasoningLimit(
                maxTokens,
                tokens(tokenizer, format.closings(maxTokens == 0 ? "" : sentence, mayCall, false)),
                tokens(tokenizer, format.closings(sentence, mayCall, true)));
    }

    private static int[][] tokens(Tokenizer tokenizer, List<String> texts) {
        return texts.stream().map(text -> tokenizer.encode(text, false)).toArray(int[][]::new);
    }
}
