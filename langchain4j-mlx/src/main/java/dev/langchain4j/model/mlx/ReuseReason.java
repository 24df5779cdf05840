package dev.langchain4j.model.mlx;

import dev.langchain4j.model.mlx.cache.ReusePlan;

/** What ended the reuse of a prompt: why the rest had to be computed. */
public enum ReuseReason {
    /** The prompt cache is switched off. */
    DISABLED,
    /** Nothing is stored that begins like this prompt. */
    NEW,
    /** Everything stored for this prompt was reused; the rest is new. The best case of a conversation. */
    CONTINUED,
    /** The whole prompt was stored; its last token is computed again, because its logits are needed. */
    WHOLE_PROMPT,
    /** The stored sequence continues with another token: something before the end of the conversation was changed. */
    DIVERGED,
    /** More tokens match, but a layer of this architecture can only resume at earlier positions. */
    NO_CHECKPOINT,
    /** This conversation was stored further, but that part was evicted to make room. */
    EVICTED;

    static ReuseReason of(ReusePlan.Reason reason) {
        return switch (reason) {
            case DISABLED -> DISABLED;
            case NEW -> NEW;
            case CONTINUED -> CONTINUED;
            case WHOLE_PROMPT -> WHOLE_PROMPT;
            case DIVERGED -> DIVERGED;
            case NO_CHECKPOINT -> NO_CHECKPOINT;
            case EVICTED -> EVICTED;
        };
    }
}
