package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.model.mlx.cache.ReusePlan;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import java.util.List;
import java.util.Map;

/**
 * What came out.
 *
 * @param promptTokens length of the prompt
 * @param imageTokens those of its tokens that stand for pictures
 * @param generated ids that were generated, the end token included if there was one
 * @param end why it ended
 * @param plan what was reused of the prompt, and why not more
 * @param timings how long it took
 * @param rows with how many others it shared forward passes
 * @param drafts tokens that were drafted, by kind
 * @param reasoning how much of it was reasoning
 * @param logprobs of the generated tokens; empty if they were not asked for
 */
public record GenerationResult(
        int promptTokens,
        int imageTokens,
        int[] generated,
        End end,
        ReusePlan plan,
        Timings timings,
        Rows rows,
        Map<DraftKind, DraftCounts> drafts,
        Reasoning reasoning,
        List<TokenLogprob> logprobs) {

    /** Why a generation ended. */
    public enum End {
        /** The model ended its answer, or a stop sequence was found. */
        STOP,
        /** The limit of tokens or of the context was reached. */
        LENGTH,
        /** It was cancelled. */
        CANCELLED
    }

    /**
     * Durations, in nanoseconds.
     *
     * @param queued from asking to the beginning
     * @param prefixWait the part of it in which another request computed a prefix for this one
     * @param prefill from the beginning to the end of the prompt's last chunk, with the first token's draw if the last
     *     token of the prompt belongs to that chunk
     * @param timeToFirstToken from the beginning to the first token
     * @param total from the beginning to the end
     * @param longestStall the longest time between two tokens; 0 if there were not two
     * @param waitedForMemory what of queued and total it waited for memory that other requests took
     */
    public record Timings(
            long queued,
            long prefixWait,
            long prefill,
            long timeToFirstToken,
            long total,
            long longestStall,
            long waitedForMemory) {}

    /**
     * Rows of the forward passes that tokens of the answer came from.
     *
     * @param mean of all of its passes, itself included; 0 if there were none
     * @param max the most in one of them
     */
    public record Rows(double mean, int max) {}

    /**
     * Reasoning in the answer.
     *
     * @param tokens those that were generated between its markers
     * @param cut whether a limit closed it, not the model
     */
    public record Reasoning(int tokens, boolean cut) {}

    /** Prompt tokens that were not computed again. */
    public int cachedTokens() {
        return plan.resumePosition();
    }
}
