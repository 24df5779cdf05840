package dev.langchain4j.model.mlx;

import dev.langchain4j.model.output.TokenUsage;
import java.util.Objects;

/**
 * Tokens of a response, or of several: those of the prompt, those that were generated, and how many of the prompt's came
 * from the prompt cache instead of being computed. Immutable and thread-safe.
 */
public class MlxTokenUsage extends TokenUsage {
    private final Integer cachedTokens;

    /**
     * The usage of one response; the total is the sum of prompt and generated tokens.
     *
     * @param inputTokenCount tokens of the whole prompt, the cached ones included; null if unknown
     * @param outputTokenCount tokens that were generated; null if unknown
     * @param cachedTokens tokens of the prompt that were not computed again; null if unknown
     */
    public MlxTokenUsage(Integer inputTokenCount, Integer outputTokenCount, Integer cachedTokens) {
        this(inputTokenCount, outputTokenCount, TokenUsage.sum(inputTokenCount, outputTokenCount), cachedTokens);
    }

    private MlxTokenUsage(Integer input, Integer output, Integer total, Integer cachedTokens) {
        super(input, output, total);
        this.cachedTokens = cachedTokens;
    }

    /** Tokens of the prompt that were not computed again, part of {@link #inputTokenCount()}; null if unknown. */
    public Integer cachedTokens() {
        return cachedTokens;
    }

    /** The sum of two usages; if one is null, the other. */
    public static MlxTokenUsage sum(MlxTokenUsage first, MlxTokenUsage second) {
        return first == null ? second : first.add(second);
    }

    /** The sum of this and another usage of whatever type; what only that type has is lost. Null adds nothing. */
    @Override
    public MlxTokenUsage add(TokenUsage that) {
        if (that == null) {
            return this;
        }
        return new MlxTokenUsage(
                sum(inputTokenCount(), that.inputTokenCount()),
                sum(outputTokenCount(), that.outputTokenCount()),
                sum(totalTokenCount(), that.totalTokenCount()),
                that instanceof MlxTokenUsage mlx ? sum(cachedTokens, mlx.cachedTokens) : cachedTokens);
    }

    @Override
    public boolean equals(Object other) {
        return super.equals(other)
                && other instanceof MlxTokenUsage that
                && Objects.equals(cachedTokens, that.cachedTokens);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), cachedTokens);
    }

    @Override
    public String toString() {
        return "MlxTokenUsage{inputTokenCount=" + inputTokenCount()
                + ", cachedTokens=" + cachedTokens
                + ", outputTokenCount=" + outputTokenCount()
                + ", totalTokenCount=" + totalTokenCount() + '}';
    }
}
