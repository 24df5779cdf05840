package dev.langchain4j.model.mlx.spring;

import dev.langchain4j.model.mlx.ContextOverflow;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Settings of {@link MlxAutoConfiguration}. What is not set has the default of the builder that it is passed to; an
 * unknown property makes the start of the application fail.
 *
 * @param enabled Whether models are configured.
 * @param modelName Hugging Face repository ID, or folder, of the language model.
 * @param modelPath Folder of the language model.
 * @param contextLength Maximum number of tokens of prompt and answer together.
 * @param maxConcurrent Maximum number of running requests.
 * @param maxQueued Maximum number of waiting requests.
 * @param queueTimeout Maximum time of a request in the queue.
 * @param gracePeriod How long requests may still run when the application stops.
 * @param kvBits Bits of a number in the KV cache.
 * @param maxKvSize Maximum tokens in the KV cache of a layer.
 * @param adapter Folder of an adapter.
 * @param chatModel Settings of the chat models.
 * @param embeddingModel The embedding model.
 * @param scoringModel The scoring model.
 */
@ConfigurationProperties(prefix = "langchain4j.mlx", ignoreUnknownFields = false)
public record MlxProperties(
        @DefaultValue("true") boolean enabled,
        String modelName,
        Path modelPath,
        Integer contextLength,
        Integer maxConcurrent,
        Integer maxQueued,
        Duration queueTimeout,
        Duration gracePeriod,
        Integer kvBits,
        Integer maxKvSize,
        Path adapter,
        @DefaultValue Chat chatModel,
        @DefaultValue Embedding embeddingModel,
        @DefaultValue Scoring scoringModel) {

    /**
     * Settings of the blocking and the streaming chat model.
     *
     * @param temperature The sampling temperature; 0 always takes the most likely token.
     * @param topP Samples only from the most likely tokens whose probabilities add up to this.
     * @param topK Samples only from this many most likely tokens.
     * @param minP Samples only from tokens with at least this share of the probability of the most likely token.
     * @param repetitionPenalty Divides the logits of recent tokens.
     * @param seed The same seed samples the same tokens.
     * @param maxOutputTokens Maximum tokens of an answer.
     * @param timeout Maximum time of a request, including the time in the queue.
     * @param stopSequences Texts that end an answer.
     * @param think Whether the model reasons before it answers.
     * @param reasoningEffort The reasoning effort, as its chat template names it.
     * @param maxReasoningTokens Maximum tokens of reasoning.
     * @param returnThinking Whether the reasoning is returned.
     * @param contextOverflow The handling of a conversation that outgrows the context.
     * @param logRequests Whether prompts are logged at INFO.
     * @param logResponses Whether answers are logged at INFO.
     */
    public record Chat(
            Double temperature,
            Double topP,
            Integer topK,
            Double minP,
            Double repetitionPenalty,
            Long seed,
            Integer maxOutputTokens,
            Duration timeout,
            List<String> stopSequences,
            Boolean think,
            String reasoningEffort,
            Integer maxReasoningTokens,
            Boolean returnThinking,
            ContextOverflow contextOverflow,
            Boolean logRequests,
            Boolean logResponses) {}

    /**
     * Settings of the embedding model, which there is if one of the first two is set.
     *
     * @param modelName Hugging Face repository ID, or folder.
     * @param modelPath Folder.
     * @param maxLength Maximum tokens of a text.
     * @param normalize Whether vectors have length one.
     * @param maxSegmentsPerBatch Maximum number of texts that are computed at once.
     */
    public record Embedding(
            String modelName, Path modelPath, Integer maxLength, Boolean normalize, Integer maxSegmentsPerBatch) {}

    /**
     * Settings of the scoring model, which there is if one of the first two is set.
     *
     * @param modelName Hugging Face repository ID, or folder.
     * @param modelPath Folder.
     * @param maxLength Maximum tokens of a prompt.
     * @param instruction The relevance criterion.
     */
    public record Scoring(String modelName, Path modelPath, Integer maxLength, String instruction) {}
}
