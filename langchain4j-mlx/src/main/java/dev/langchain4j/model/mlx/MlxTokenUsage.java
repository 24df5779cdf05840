package dev.langchain4j.model.mlx;

import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.output.TokenUsage;
import java.util.Map;
import java.util.Objects;

/**
 * Tokens of a response, or of several: those of the prompt, those that were generated, how many of the prompt's came
 * from the prompt cache instead of being computed, and how many of the answer's are reasoning or were drafted.
 * Immutable and thread-safe.
 */
public class MlxTokenUsage extends TokenUsage {
    private final Integer cachedTokens;
    private final Integer reasoningTokens;
    private final Integer imageTokens;
    private final Map<DraftKind, DraftCounts> drafts;

    /**
     * The usage of one response; the total is the sum of prompt and generated tokens.
     *
     * @param inputTokenCount tokens of the whole prompt, the cached ones included; null if unknown
     * @param outputTokenCount tokens that were generated; null if unknown
     * @param cachedTokens tokens of the prompt that were not computed again; null if unknown
     */
    public MlxTokenUsage(Integer inputTokenCount, Integer outputTokenCount, Integer cachedTokens) {
        this(inputTokenCount, outputTokenCount, cachedTokens, null, Map.of());
    }

    /**
     * The usage of one response, with the tokens of its reasoning and those that were drafted for it.
     *
     * @param inputTokenCount tokens of the prompt
     * @param outputTokenCount generated tokens
     * @param cachedTokens tokens of the prompt that were not computed again; null if unknown
     * @param reasoningTokens generated tokens that are reasoning; null if unknown
     * @param drafts tokens that were drafted, and those of them that the answer has, by where they came from
     */
    public MlxTokenUsage(
            Integer inputTokenCount,
            Integer outputTokenCount,
            Integer cachedTokens,
            Integer reasoningTokens,
            Map<DraftKind, DraftCounts> drafts) {
        this(inputTokenCount, outputTokenCount, cachedTokens, reasoningTokens, drafts, null);
    }

    /** The usage of one response, with the tokens of its prompt that stand for images; null if unknown. */
    MlxTokenUsage(
            Integer inputTokenCount,
            Integer outputTokenCount,
            Integer cachedTokens,
            Integer reasoningTokens,
            Map<DraftKind, DraftCounts> drafts,
            Integer imageTokens) {
        this(
                inputTokenCount,
                outputTokenCount,
                TokenUsage.sum(inputTokenCount, outputTokenCount),
                cachedTokens,
                reasoningTokens,
                drafts,
                imageTokens);
    }

    private MlxTokenUsage(
            Integer input,
            Integer output,
            Integer total,
            Integer cachedTokens,
            Integer reasoningTokens,
            Map<DraftKind, DraftCounts> drafts,
            Integer imageTokens) {
        super(input, output, total);
        this.cachedTokens = cachedTokens;
        this.reasoningTokens = reasoningTokens;
        this.imageTokens = imageTokens;
        this.drafts = Map.copyOf(drafts);
    }

    /** Tokens of the prompt that were not computed again, part of {@link #inputTokenCount()}; null if unknown. */
    public Integer cachedTokens() {
        return cachedTokens;
    }

    /** Tokens of the prompt that stand for images, part of {@link #inputTokenCount()}; null if unknown. */
    public Integer imageTokens() {
        return imageTokens;
    }

    /**
     * Generated tokens between the markers of reasoning, part of {@link #outputTokenCount()}, whether the reasoning was
     * returned or not; null if unknown.
     */
    public Integer reasoningTokens() {
        return reasoningTokens;
    }

    /**
     * Tokens that were drafted, and those of them that the answer has, by where they came from. Kinds without drafts
     * are missing. See {@link MlxModel.Builder#speculation}.
     */
    public Map<DraftKind, DraftCounts> drafts() {
        return drafts;
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
                that instanceof MlxTokenUsage mlx ? sum(cachedTokens, mlx.cachedTokens) : cachedTokens,
                that instanceof MlxTokenUsage mlx ? sum(reasoningTokens, mlx.reasoningTokens) : reasoningTokens,
                that instanceof MlxTokenUsage mlx ? DraftCounts.sum(drafts, mlx.drafts) : drafts,
                that instanceof MlxTokenUsage mlx ? sum(imageTokens, mlx.imageTokens) : imageTokens);
    }

    @Override
    public boolean equals(Object other) {
        return super.equals(other)
                && other instanceof MlxTokenUsage that
                && Objects.equals(cachedTokens, that.cachedTokens)
                && Objects.equals(reasoningTokens, that.reasoningTokens)
                && Objects.equals(imageTokens, that.imageTokens)
                && drafts.equals(that.drafts);
    }

    @Override
    public int hashCode() {
        return Objects.hash(super.hashCode(), cachedTokens, reasoningTokens, imageTokens, drafts);
    }

    @Override
    public String toString() {
        return "MlxTokenUsage{inputTokenCount=" + inputTokenCount()
                + ", cachedTokens=" + cachedTokens
                + (imageTokens == null || imageTokens == 0 ? "" : ", imageTokens=" + imageTokens)
                + ", outputTokenCount=" + outputTokenCount()
                + (reasoningTokens == null ? "" : ", reasoningTokens=" + reasoningTokens)
                + ", totalTokenCount=" + totalTokenCount()
                + (drafts.isEmpty() ? "" : ", drafts=" + drafts) + '}';
    }
}
