package dev.langchain4j.model.mlx;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Parameters of a chat request, including those of this module only: the sampling parameters of mlx-lm, reasoning, and
 * the memory ID. Every parameter may be null. Then the chat model's default applies, then that of the model folder's
 * generation_config.json, then the default that its method states.
 *
 * <p>{@link Builder#build} checks the values; rules that depend on the model are checked when a request is made.
 * Immutable and thread-safe; {@link Builder} is not.
 */
public class MlxChatRequestParameters extends DefaultChatRequestParameters {

    /** No parameter is set. */
    public static final MlxChatRequestParameters EMPTY = builder().build();

    private final Long seed;
    private final Double minP;
    private final Double xtcProbability;
    private final Double xtcThreshold;
    private final Double repetitionPenalty;
    private final Integer penaltyWindow;
    private final Map<Integer, Double> logitBias;
    private final Boolean think;
    private final Boolean returnThinking;
    private final Integer topLogprobs;
    private final Map<String, Object> templateArguments;
    private final Object memoryId;
    private final Isolation isolation;
    private final Boolean allowControlTokens;
    private final Duration timeout;
    private final MlxCancellation cancellation;
    private final Boolean schemaInPrompt;
    private final String reasoningEffort;
    private final Integer maxReasoningTokens;

    private MlxChatRequestParameters(Builder builder) {
        super(builder);
        seed = builder.seed;
        minP = builder.minP;
        xtcProbability = builder.xtcProbability;
        xtcThreshold = builder.xtcThreshold;
        repetitionPenalty = builder.repetitionPenalty;
        penaltyWindow = builder.penaltyWindow;
        logitBias = builder.logitBias;
        think = builder.think;
        returnThinking = builder.returnThinking;
        topLogprobs = builder.topLogprobs;
        templateArguments = builder.templateArguments;
        memoryId = builder.memoryId;
        isolation = builder.isolation;
        allowControlTokens = builder.allowControlTokens;
        timeout = builder.timeout;
        cancellation = builder.cancellation;
        schemaInPrompt = builder.schemaInPrompt;
        reasoningEffort = builder.reasoningEffort;
        maxReasoningTokens = builder.maxReasoningTokens;
    }

    /** These parameters themselves if they are of this type, else a copy that has this type. */
    static MlxChatRequestParameters from(ChatRequestParameters parameters) {
        return parameters instanceof MlxChatRequestParameters mlx ? mlx : EMPTY.overrideWith(parameters);
    }

    /** The seed: the same seed and request sample the same tokens. Default: a new one for each request. */
    public Long seed() {
        return seed;
    }

    /**
     * From 0 to 1: tokens with less than this share of the probability of the most likely token are dropped. Default:
     * 0, none.
     */
    public Double minP() {
        return minP;
    }

    /** From 0 to 1: the probability with which XTC excludes the most likely tokens. Default: 0, never. */
    public Double xtcProbability() {
        return xtcProbability;
    }

    /** From 0 to 0.5: the least probability of tokens that XTC excludes. Default: 0.1. */
    public Double xtcThreshold() {
        return xtcThreshold;
    }

    /** Above 0: divides positive and multiplies negative logits of recent tokens. Default: 1, which does nothing. */
    public Double repetitionPenalty() {
        return repetitionPenalty;
    }

    /** At least 1: how many of the last tokens, prompt included, the three penalties look at. Default: 20. */
    public Integer penaltyWindow() {
        return penaltyWindow;
    }

    /** Values that are added to the logits of these token ids. Default: empty. Never null. */
    public Map<Integer, Double> logitBias() {
        return logitBias;
    }

    /** Whether a reasoning model may reason before it answers. Default: as its chat template has it. */
    public Boolean think() {
        return think;
    }

    /** Whether the reasoning is returned, as the answer's {@code thinking}. Default: no; it is left out. */
    public Boolean returnThinking() {
        return returnThinking;
    }

    /**
     * The reasoning effort, in a word that the chat template supports, such as {@code low}, {@code medium} and {@code
     * high}. If the template has no such setting, {@code none} (no reasoning), {@code minimal} (512 tokens), {@code
     * low} (2,048) and {@code medium} (8,192) limit the reasoning as {@link #maxReasoningTokens} does, and {@code
     * high}, {@code xhigh} and {@code max} do not. Default: as the chat template has it.
     */
    public String reasoningEffort() {
        return reasoningEffort;
    }

    /**
     * At least 0: maximum tokens of reasoning. A chat template that supports a budget receives it. At the limit, the
     * reasoning is closed with the text that the model was trained with, after an incomplete character is
     * finished. Default: no limit. See {@link MlxTokenUsage#reasoningTokens()} and {@link
     * MlxChatResponseMetadata#reasoningCut()}.
     */
    public Integer maxReasoningTokens() {
        return maxReasoningTokens;
    }

    /**
     * From 0 to 20: asks for the log-probability of each generated token, and for this many most likely tokens of its
     * step; 0 for the generated tokens alone. See {@link MlxChatResponseMetadata#logprobs()}. Default: none are
     * reported.
     */
    public Integer topLogprobs() {
        return topLogprobs;
    }

    /**
     * More variables for the chat template, such as {@code reasoning_effort}, {@code enable_thinking} or
     * {@code documents}: null, booleans, numbers, texts, lists and maps of them. They take precedence over {@link
     * #think} and {@link #reasoningEffort}. Names are overridden separately: a request's arguments are merged with the
     * defaults. Default: empty. Never null.
     */
    public Map<String, Object> templateArguments() {
        return templateArguments;
    }

    /** The tools that the model may call. */
    List<ToolSpecification> offeredTools() {
        return toolChoice() == ToolChoice.NONE ? List.of() : toolSpecifications();
    }

    /**
     * The conversation that this request belongs to: a hint for the prompt cache, never part of what the model reads.
     * Default: the AI service and its memory ID, if an AI service calls; else none. See {@link MlxMemoryId}.
     */
    public Object memoryId() {
        return memoryId;
    }

    /**
     * Whether this conversation shares what the prompt cache holds with others. Default: {@link Isolation#SHARED}. With
     * {@link Isolation#PER_MEMORY_ID} a request without a memory ID shares with none.
     */
    public Isolation isolation() {
        return isolation;
    }

    /**
     * Whether names of control tokens in messages, tools and template arguments, such as {@code <|im_end|>}, are those
     * tokens. Then the author of any part of the prompt can end a turn and begin another one. Use it for
     * fill-in-the-middle prompts that the application writes itself. Default: false; they are text.
     */
    public Boolean allowControlTokens() {
        return allowControlTokens;
    }

    /**
     * Whether the JSON schema of the response format is also added to the newest user message in words: names, types,
     * descriptions and enum values. Without it, the answer conforms as well, but the model sees only the name of a
     * field, when it has to fill it. Default: true.
     */
    public Boolean schemaInPrompt() {
        return schemaInPrompt;
    }

    /**
     * Maximum time from the call to the end of the answer, including the time in the queue. After it, the request fails
     * with a {@link dev.langchain4j.exception.TimeoutException} before its next step. Default: none.
     */
    public Duration timeout() {
        return timeout;
    }

    /** Cancels the request at any time. Default: null, nothing does. */
    public MlxCancellation cancellation() {
        return cancellation;
    }

    /**
     * How to sample.
     *
     * @param defaults counts for what is null here; but its seed does not: without a seed, each request draws its own
     * @throws InvalidRequestException naming the parameter, its value and the rule that it breaks
     */
    Sampling sampling(Sampling defaults) {
        return ParameterRules.sampling(this, defaults);
    }

    /**
     * Checks all that can be checked without a model.
     *
     * @throws InvalidRequestException naming the parameter, its value and the rule that it breaks
     */
    void check() {
        sampling(Sampling.GREEDY);
        ParameterRules.check(this);
    }

    static <T> T either(T value, T other) {
        return value != null ? value : other;
    }

    /** These parameters, with what is set in the others instead. Keeps this type whatever type the others have. */
    @Override
    public MlxChatRequestParameters overrideWith(ChatRequestParameters that) {
        return builder().overrideWith(this).overrideWith(that).unchecked();
    }

    /** These parameters, with the others' values for what is not set here. Keeps this type. */
    @Override
    public MlxChatRequestParameters defaultedBy(ChatRequestParameters that) {
        return builder().overrideWith(that).overrideWith(this).unchecked();
    }

    /** What is added to the standard parameters, by name: what makes two of these equal, and what is printed. */
    private Map<String, Object> additions() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("seed", seed);
        all.put("minP", minP);
        all.put("xtcProbability", xtcProbability);
        all.put("xtcThreshold", xtcThreshold);
        all.put("repetitionPenalty", repetitionPenalty);
        all.put("penaltyWindow", penaltyWindow);
        all.put("logitBias", logitBias);
        all.put("think", think);
        all.put("returnThinking", returnThinking);
        all.put("topLogprobs", topLogprobs);
        all.put("templateArguments", templateArguments);
        all.put("memoryId", memoryId);
        all.put("isolation", isolation);
        all.put("allowControlTokens", allowControlTokens);
        all.put("timeout", timeout);
        all.put("cancellation", cancellation);
        all.put("schemaInPrompt", schemaInPrompt);
        all.put("reasoningEffort", reasoningEffort);
        all.put("maxReasoningTokens", maxReasoningTokens);
        return all;
    }

    @Override
    public boolean equals(Object other) {
        return super.equals(other)
                && other instanceof MlxChatRequestParameters that
                && additions().equals(that.additions());
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), additions());
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("MlxChatRequestParameters{standard=" + super.toString());
        additions()
                .forEach((name, value) ->
                        text.append(", ").append(name).append('=').append(value));
        return text.append('}').toString();
    }

    /** A builder with nothing set. */
    public static Builder builder() {
        return new Builder();
    }

    /** Collects parameters; each is described at the method of the same name of {@link MlxChatRequestParameters}. */
    public static class Builder extends DefaultChatRequestParameters.Builder<Builder> {
        private Long seed;
        private Double minP;
        private Double xtcProbability;
        private Double xtcThreshold;
        private Double repetitionPenalty;
        private Integer penaltyWindow;
        private Map<Integer, Double> logitBias = Map.of();
        private Boolean think;
        private Boolean returnThinking;
        private Integer topLogprobs;
        private Map<String, Object> templateArguments = Map.of();
        private Object memoryId;
        private Isolation isolation;
        private Boolean allowControlTokens;
        private Duration timeout;
        private MlxCancellation cancellation;
        private Boolean schemaInPrompt;
        private String reasoningEffort;
        private Integer maxReasoningTokens;

        /** Takes over what is set in {@code parameters}; the rest stays. */
        @Override
        public Builder overrideWith(ChatRequestParameters parameters) {
            super.overrideWith(parameters);
            if (parameters instanceof MlxChatRequestParameters mlx) {
                seed = either(mlx.seed, seed);
                minP = either(mlx.minP, minP);
                xtcProbability = either(mlx.xtcProbability, xtcProbability);
                xtcThreshold = either(mlx.xtcThreshold, xtcThreshold);
                repetitionPenalty = either(mlx.repetitionPenalty, repetitionPenalty);
                penaltyWindow = either(mlx.penaltyWindow, penaltyWindow);
                logitBias = mlx.logitBias.isEmpty() ? logitBias : mlx.logitBias;
                think = either(mlx.think, think);
                returnThinking = either(mlx.returnThinking, returnThinking);
                topLogprobs = either(mlx.topLogprobs, topLogprobs);
                templateArguments = joined(templateArguments, mlx.templateArguments);
                memoryId = either(mlx.memoryId, memoryId);
                isolation = either(mlx.isolation, isolation);
                allowControlTokens = either(mlx.allowControlTokens, allowControlTokens);
                timeout = either(mlx.timeout, timeout);
                cancellation = either(mlx.cancellation, cancellation);
                schemaInPrompt = either(mlx.schemaInPrompt, schemaInPrompt);
                reasoningEffort = either(mlx.reasoningEffort, reasoningEffort);
                maxReasoningTokens = either(mlx.maxReasoningTokens, maxReasoningTokens);
            }
            return this;
        }

        /** See {@link MlxChatRequestParameters#seed()}. */
        public Builder seed(Long value) {
            seed = value;
            return this;
        }

        /** See {@link MlxChatRequestParameters#minP()}. */
        public Builder minP(Double share) {
            minP = share;
            return this;
        }

        /** See {@link MlxChatRequestParameters#xtcProbability()}. */
        public Builder xtcProbability(Double probability) {
            xtcProbability = probability;
            return this;
        }

        /** See {@link MlxChatRequestParameters#xtcThreshold()}. */
        public Builder xtcThreshold(Double probability) {
            xtcThreshold = probability;
            return this;
        }

        /** See {@link MlxChatRequestParameters#repetitionPenalty()}. */
        public Builder repetitionPenalty(Double factor) {
            repetitionPenalty = factor;
            return this;
        }

        /** See {@link MlxChatRequestParameters#penaltyWindow()}. */
        public Builder penaltyWindow(Integer tokens) {
            penaltyWindow = tokens;
            return this;
        }

        /** See {@link MlxChatRequestParameters#logitBias()}. The map is copied; null means empty. */
        public Builder logitBias(Map<Integer, Double> biasByToken) {
            // Not Map.copyOf: a null inside is to be reported with its name, when the request is made.
            logitBias = biasByToken == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(biasByToken));
            return this;
        }

        /** See {@link MlxChatRequestParameters#think()}. */
        public Builder think(Boolean allowed) {
            think = allowed;
            return this;
        }

        /** See {@link MlxChatRequestParameters#returnThinking()}. */
        public Builder returnThinking(Boolean returned) {
            returnThinking = returned;
            return this;
        }

        /** See {@link MlxChatRequestParameters#reasoningEffort()}. */
        public Builder reasoningEffort(String effort) {
            reasoningEffort = effort;
            return this;
        }

        /** See {@link MlxChatRequestParameters#maxReasoningTokens()}. */
        public Builder maxReasoningTokens(Integer tokens) {
            maxReasoningTokens = tokens;
            return this;
        }

        /** See {@link MlxChatRequestParameters#topLogprobs()}. */
        public Builder topLogprobs(Integer tokens) {
            topLogprobs = tokens;
            return this;
        }

        /** See {@link MlxChatRequestParameters#templateArguments()}. The map is copied; null means empty. */
        public Builder templateArguments(Map<String, ?> valueByName) {
            templateArguments = valueByName == null ? Map.of() : joined(Map.of(), valueByName);
            return this;
        }

        private static Map<String, Object> joined(Map<String, Object> arguments, Map<String, ?> others) {
            if (others.isEmpty()) {
                return arguments;
            }
            Map<String, Object> all = new LinkedHashMap<>(arguments);
            all.putAll(others);
            return Collections.unmodifiableMap(all);
        }

        /** See {@link MlxChatRequestParameters#memoryId()}. Needs equals and hashCode. */
        public Builder memoryId(Object id) {
            memoryId = id;
            return this;
        }

        /** See {@link MlxChatRequestParameters#isolation()}. */
        public Builder isolation(Isolation value) {
            isolation = value;
            return this;
        }

        /** See {@link MlxChatRequestParameters#allowControlTokens()}. */
        public Builder allowControlTokens(Boolean allowed) {
            allowControlTokens = allowed;
            return this;
        }

        /** See {@link MlxChatRequestParameters#schemaInPrompt()}. */
        public Builder schemaInPrompt(Boolean told) {
            schemaInPrompt = told;
            return this;
        }

        /** See {@link MlxChatRequestParameters#timeout()}. */
        public Builder timeout(Duration limit) {
            timeout = limit;
            return this;
        }

        /** See {@link MlxChatRequestParameters#cancellation()}. */
        public Builder cancellation(MlxCancellation value) {
            cancellation = value;
            return this;
        }

        /**
         * The parameters.
         *
         * @throws InvalidRequestException naming a parameter, its value and the rule that it breaks
         */
        @Override
        public MlxChatRequestParameters build() {
            MlxChatRequestParameters parameters = unchecked();
            parameters.check();
            return parameters;
        }

        /** For merging: what is wrong then is told when the request runs, where listeners and handlers hear of it. */
        private MlxChatRequestParameters unchecked() {
            return new MlxChatRequestParameters(this);
        }
    }
}
