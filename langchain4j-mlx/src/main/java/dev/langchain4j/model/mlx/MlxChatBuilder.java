package dev.langchain4j.model.mlx;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.LoggerFactory;

/**
 * The common settings of blocking and streaming chat models. Unset values come from {@link #defaultRequestParameters},
 * then from the model folder's generation_config.json. If neither sets a temperature, decoding is greedy. A request's
 * {@link MlxChatRequestParameters} override every setting.
 *
 * @param <B> the builder itself
 */
public abstract class MlxChatBuilder<B extends MlxChatBuilder<B>> {
    private MlxModel model;
    private Path modelPath;
    private String modelName;
    private HuggingFaceHub hub;
    private Set<Capability> supportedCapabilities = Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
    private boolean logRequests;
    private boolean logResponses;
    private ChatRequestParameters defaultRequestParameters;
    private List<ChatModelListener> listeners = List.of();
    private ContextOverflow contextOverflow = ContextOverflow.FAIL;
    private PromptNormalizer promptNormalizer = PromptNormalizer.none();
    private final MlxChatRequestParameters.Builder parameters = MlxChatRequestParameters.builder();

    MlxChatBuilder() {}

    /**
     * The loaded model to run on. Either this, {@link #modelName} or {@link #modelPath} must be set. It stays the
     * caller's to close.
     */
    public B model(MlxModel loaded) {
        this.model = loaded;
        return self();
    }

    /**
     * Folder of a model to load. All chat and scoring models with the same folder share its weights and its prompt
     * cache. It is freed when all of them are closed.
     */
    public B modelPath(Path folder) {
        this.modelPath = folder;
        return self();
    }

    /**
     * Folder or Hugging Face repository id of a model that is loaded as {@link #modelPath(Path)} says; see
     * {@link MlxModel#load(String)}.
     */
    public B modelName(String folderOrRepositoryId) {
        this.modelName = folderOrRepositoryId;
        return self();
    }

    /** Like {@link #modelPath(Path)}. */
    public B modelPath(String folder) {
        return modelPath(folder == null ? null : Path.of(folder));
    }

    /** How {@link #modelName} is found and downloaded. Default: as huggingface_hub's environment variables say. */
    public B hub(HuggingFaceHub huggingFaceHub) {
        this.hub = huggingFaceHub;
        return self();
    }

    /** Defaults of everything that the other settings leave open. */
    public B defaultRequestParameters(ChatRequestParameters defaults) {
        this.defaultRequestParameters = defaults;
        return self();
    }

    /** The sampling temperature; 0 always takes the most likely token. */
    public B temperature(Double temperature) {
        parameters.temperature(temperature);
        return self();
    }

    /** Samples only from the most likely tokens whose probabilities add up to this; 1 samples from all. */
    public B topP(Double topP) {
        parameters.topP(topP);
        return self();
    }

    /** Samples only from this many most likely tokens. */
    public B topK(Integer topK) {
        parameters.topK(topK);
        return self();
    }

    /** Samples only from tokens with at least this share of the probability of the most likely token. */
    public B minP(Double minP) {
        parameters.minP(minP);
        return self();
    }

    /** The probability with which XTC excludes the most likely tokens, from 0 to 1. */
    public B xtcProbability(Double probability) {
        parameters.xtcProbability(probability);
        return self();
    }

    /** The least probability of tokens that XTC excludes, from 0 to 0.5. */
    public B xtcThreshold(Double probability) {
        parameters.xtcThreshold(probability);
        return self();
    }

    /** How many of the last tokens, prompt included, the three penalties look at. */
    public B penaltyWindow(Integer tokens) {
        parameters.penaltyWindow(tokens);
        return self();
    }

    /** Divides the logits of recent tokens, so that they are repeated less; 1 does nothing. */
    public B repetitionPenalty(Double penalty) {
        parameters.repetitionPenalty(penalty);
        return self();
    }

    /** Subtracted from the logits of recent tokens for each time that they occurred. */
    public B frequencyPenalty(Double penalty) {
        parameters.frequencyPenalty(penalty);
        return self();
    }

    /** Subtracted from the logits of recent tokens. */
    public B presencePenalty(Double penalty) {
        parameters.presencePenalty(penalty);
        return self();
    }

    /** Added to the logits of these token ids. */
    public B logitBias(Map<Integer, Double> bias) {
        parameters.logitBias(bias);
        return self();
    }

    /** The same seed samples the same tokens. Default: a new one for each request. */
    public B seed(Long seed) {
        parameters.seed(seed);
        return self();
    }

    /** The format of answers: any text, a JSON object, or JSON of a schema. Default: any text. */
    public B responseFormat(ResponseFormat format) {
        parameters.responseFormat(format);
        return self();
    }

    /**
     * Maximum tokens of an answer. Default: 32,768, or 8,192 with a JSON schema or a required tool call, because a list
     * may not end. The context limits both.
     */
    public B maxOutputTokens(Integer tokens) {
        parameters.maxOutputTokens(tokens);
        return self();
    }

    /**
     * Maximum time from the call to the end of the answer, including the time in the queue. After it, the request fails
     * with a {@link dev.langchain4j.exception.TimeoutException}. Default: none. See also {@link
     * MlxModel.Builder#queueTimeout}.
     */
    public B timeout(Duration timeout) {
        parameters.timeout(timeout);
        return self();
    }

    /** Texts that end the answer and are not part of it. */
    public B stopSequences(List<String> sequences) {
        parameters.stopSequences(sequences);
        return self();
    }

    /** Like {@link #stopSequences(List)}. */
    public B stopSequences(String... sequences) {
        return stopSequences(Arrays.asList(sequences));
    }

    /** Tools that every request offers. */
    public B toolSpecifications(List<ToolSpecification> tools) {
        parameters.toolSpecifications(tools);
        return self();
    }

    /** Whether a request's tools may, must or must not be called. Default: they may. */
    public B toolChoice(ToolChoice choice) {
        parameters.toolChoice(choice);
        return self();
    }

    /**
     * The capabilities for AI services. Default: {@link Capability#RESPONSE_FORMAT_JSON_SCHEMA}, because answers always
     * conform to a schema. Without it, AI services describe the JSON in the user message instead.
     */
    public B supportedCapabilities(Set<Capability> capabilities) {
        this.supportedCapabilities =
                capabilities == null ? Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA) : Set.copyOf(capabilities);
        return self();
    }

    /** Like {@link #supportedCapabilities(Set)}. */
    public B supportedCapabilities(Capability... capabilities) {
        return supportedCapabilities(Set.of(capabilities));
    }

    /** Whether prompts are logged at INFO, as the model reads them. Default: no, they are logged at DEBUG. */
    public B logRequests(Boolean logRequests) {
        this.logRequests = Boolean.TRUE.equals(logRequests);
        return self();
    }

    /** Whether answers are logged at INFO. Default: no, they are logged at DEBUG. */
    public B logResponses(Boolean logResponses) {
        this.logResponses = Boolean.TRUE.equals(logResponses);
        return self();
    }

    /** Whether the model reasons before it answers, for models that can do either. Default: what its template does. */
    public B think(Boolean think) {
        parameters.think(think);
        return self();
    }

    /**
     * The reasoning effort, such as {@code low}, {@code medium} or {@code high}; see {@link
     * MlxChatRequestParameters#reasoningEffort()}. Default: as its chat template has it.
     */
    public B reasoningEffort(String effort) {
        parameters.reasoningEffort(effort);
        return self();
    }

    /**
     * Maximum tokens of reasoning; then the reasoning is closed and the answer begins. See {@link
     * MlxChatRequestParameters#maxReasoningTokens()}. Default: no limit.
     */
    public B maxReasoningTokens(Integer tokens) {
        parameters.maxReasoningTokens(tokens);
        return self();
    }

    /** Whether the reasoning is returned: in {@code AiMessage.thinking()} and as partial thinking. Default: no. */
    public B returnThinking(Boolean returnThinking) {
        parameters.returnThinking(returnThinking);
        return self();
    }

    /** Reports the log-probability of each token and of this many most likely tokens of its step; from 0 to 20. */
    public B topLogprobs(Integer tokens) {
        parameters.topLogprobs(tokens);
        return self();
    }

    /**
     * Whether conversations share what the prompt cache holds. Default: {@link Isolation#SHARED}. With {@link
     * Isolation#PER_MEMORY_ID} nothing is shared, so no tenant can detect another's prompts by timing.
     */
    public B isolation(Isolation isolation) {
        parameters.isolation(isolation);
        return self();
    }

    /**
     * Whether names of control tokens in messages, such as {@code <|im_end|>}, are those tokens. Default: false; they
     * are text, so that no user, document or tool can forge a turn. Use true for prompts such as fill-in-the-middle.
     */
    public B allowControlTokens(Boolean allowed) {
        parameters.allowControlTokens(allowed);
        return self();
    }

    /**
     * Whether the JSON schema of the response format is also added to the newest user message in words, with
     * descriptions and enum values. Default: true; see {@link MlxChatRequestParameters#schemaInPrompt()}.
     */
    public B schemaInPrompt(Boolean told) {
        parameters.schemaInPrompt(told);
        return self();
    }

    /** Rewrites messages before they are rendered, after the MLX model's own normalizer. Default: none. */
    public B promptNormalizer(PromptNormalizer normalizer) {
        this.promptNormalizer = normalizer == null ? PromptNormalizer.none() : normalizer;
        return self();
    }

    /**
     * The handling of a conversation that outgrows the model's context. Default: {@link ContextOverflow#FAIL}. A memory
     * that counts tokens ({@link MlxModel#tokenCountEstimator()}) avoids this case.
     */
    public B contextOverflow(ContextOverflow overflow) {
        this.contextOverflow = overflow == null ? ContextOverflow.FAIL : overflow;
        return self();
    }

    /**
     * More variables for the chat template, such as {@code reasoning_effort}; see
     * {@link MlxChatRequestParameters#templateArguments()}.
     */
    public B templateArguments(Map<String, ?> valueByName) {
        parameters.templateArguments(valueByName);
        return self();
    }

    /** Listeners for requests, responses and errors. */
    public B listeners(List<ChatModelListener> chatListeners) {
        this.listeners = chatListeners == null ? List.of() : chatListeners;
        return self();
    }

    /** Like {@link #listeners(List)}. */
    public B listeners(ChatModelListener... chatListeners) {
        return listeners(Arrays.asList(chatListeners));
    }

    MlxChatSupport support(Class<?> chatModel) {
        // Bad values are refused before a model is loaded or downloaded for them.
        MlxChatRequestParameters.Builder wanted = MlxChatRequestParameters.builder();
        if (defaultRequestParameters != null) {
            wanted.overrideWith(defaultRequestParameters);
        }
        MlxChatRequestParameters checked =
                wanted.overrideWith(parameters.build()).build();
        SharedModels.Share share = ModelSettings.share(model, modelName, modelPath, hub);
        try {
            MlxModel loaded = share.model();
            MlxChatRequestParameters defaults = MlxChatRequestParameters.builder()
                    .modelName(loaded.name())
                    .overrideWith(checked)
                    .build();
            ChatExecution.checkSupported(loaded, defaults);
            ParameterRules.bias(
                    defaults.logitBias().keySet(), loaded.languageModel().vocabularySize());
            return new MlxChatSupport(
                    share,
                    defaults,
                    listeners,
                    promptNormalizer,
                    contextOverflow,
                    supportedCapabilities,
                    new ChatLog(LoggerFactory.getLogger(chatModel), logRequests, logResponses));
        } catch (Throwable e) {
            share.close();
            throw e;
        }
    }

    @SuppressWarnings("unchecked")
    private B self() {
        return (B) this;
    }
}
