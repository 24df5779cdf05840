package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.mlx.MlxChatRequestParameters;
import dev.langchain4j.model.mlx.MlxChatResponseMetadata;
import dev.langchain4j.model.mlx.MlxMemoryId;
import dev.langchain4j.model.mlx.MlxTokenUsage;
import java.util.Locale;

/**
 * What a round of a tool loop cost: the tokens of its prompt, those of them that were cached, and the tokens of its
 * answer.
 */
public record RoundCost(MlxMemoryId memoryId, int prompt, int cached, int generated, MlxChatResponseMetadata metadata) {

    /** The cost of the round that a listener heard of. */
    public static RoundCost of(ChatModelResponseContext context) {
        MlxChatRequestParameters parameters =
                (MlxChatRequestParameters) context.chatRequest().parameters();
        MlxChatResponseMetadata metadata =
                (MlxChatResponseMetadata) context.chatResponse().metadata();
        MlxTokenUsage usage = (MlxTokenUsage) metadata.tokenUsage();
        return new RoundCost(
                (MlxMemoryId) parameters.memoryId(),
                usage.inputTokenCount(),
                usage.cachedTokens(),
                usage.outputTokenCount(),
                metadata);
    }

    int prefilled() {
        return prompt - cached;
    }

    /** The name of the AI service that asked. */
    String service() {
        return memoryId.service().substring(memoryId.service().lastIndexOf('$') + 1);
    }

    /** Milliseconds to the first token. */
    public double firstTokenMillis() {
        return metadata.timeToFirstToken().toNanos() / 1e6;
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "prompt %d = %d cached + %d prefilled | first token %.0f ms | %d tokens",
                prompt,
                cached,
                prefilled(),
                firstTokenMillis(),
                generated);
    }
}
