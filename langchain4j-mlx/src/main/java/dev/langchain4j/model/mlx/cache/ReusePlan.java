package dev.langchain4j.model.mlx.cache;

/**
 * Where a prompt resumes, and why not later.
 *
 * @param resumePosition number of prompt tokens that are not computed again; at most the prompt's length - 1
 * @param matched number of leading prompt tokens that equal stored ones
 * @param reason what ended the reuse
 * @param cachedToken the stored token at position {@code matched}, or -1 if nothing is stored there
 * @param promptToken the prompt's token at position {@code matched}, or -1 if the prompt ends there
 */
public record ReusePlan(int resumePosition, int matched, Reason reason, int cachedToken, int promptToken) {

    /** What ended the reuse. */
    public enum Reason {
        /** The cache is switched off. */
        DISABLED,
        /** No stored prompt begins with this prompt's first token. */
        NEW,
        /** All that is stored along this prompt is reused; the rest is new. The best case of a conversation. */
        CONTINUED,
        /** The whole prompt is stored; its last token is computed again, because its logits are needed. */
        WHOLE_PROMPT,
        /** What is stored goes on with another token than this prompt. */
        DIVERGED,
        /** More tokens match, but a state layer has no checkpoint there. */
        NO_CHECKPOINT,
        /** This conversation was stored further, but that part was evicted. */
        EVICTED
    }
}
