package dev.langchain4j.model.mlx.spring;

import dev.langchain4j.model.mlx.ContextOverflow;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Settings of {@link MlxAutoConfiguration}. What is not set has the default of the builder that it is passed to; a
 * property that is not among them ends the start of the application.
 *
 * @param enabled Whether models are configured.
 * @param modelName Hugging Face repository ID, or folder, of the language model.
 * @param modelPath Folder of the language model.
 * @param contextLength Most tokens of prompt and answer together.
 * @param maxConcurrent Requests that run at the same time.
 * @param maxQueued Requests that wait at the same time.
 * @param queueTimeout Most time that a request waits for its turn.
 * @param gracePeriod How long requests may go on when the application stops.
 * @param kvBits Bits of a number in the KV cache.
 * @param maxKvSize Most tokens in the KV cache of a layer.
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
     * @param temperature How evenly tokens are drawn; 0 takes the likeliest.
     * @param topP Probability of the likeliest tokens that are drawn.
     * @param topK Number of the likeliest tokens that are drawn.
     * @param minP Least probability of drawn tokens, as a share of the likeliest one's.
     * @param repetitionPenalty Divides the logits of recent tokens.
     * @param seed Draws the same tokens each time.
     * @param maxOutputTokens Most tokens of an answer.
     * @param timeout Most time of a request, waiting included.
     * @param stopSequences Texts that end an answer.
     * @param think Whether the model reasons before it answers.
     * @param reasoningEffort How hard it reasons, in the words of its chat template.
     * @param maxReasoningTokens Most tokens of reasoning.
     * @param returnThinking Whether the reasoning is given back.
     * @param contextOverflow What becomes of a conversation that outgrows the context.
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
     * @param maxLength Most tokens of a text.
     * @param normalize Whether vectors have length one.
     * @param maxSegmentsPerBatch Most texts that are computed at once.
     */
    public record Embedding(
            String modelName, Path modelPath, Integer maxLength, Boolean normalize, Integer maxSegmentsPerBatch) {}

    /**
     * Settings of the scoring model, which there is if one of the first two is set.
     *
     * @param modelName Hugging Face repository ID, or folder.
     * @param modelPath Folder.
     * @param maxLength Most tokens of a prompt.
     * @param instruction What makes a document a good one.
     */
    public record Scoring(String modelName, Path modelPath, Integer maxLength, String instruction) {}
}
