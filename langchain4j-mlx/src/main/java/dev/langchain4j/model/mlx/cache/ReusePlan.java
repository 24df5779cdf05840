package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.Conversation.Place;

/**
 * Where a prompt resumes, and why not later.
 *
 * @param resumePosition number of prompt tokens that are not computed again; at most the prompt's length - 1
 * @param matched number of leading prompt tokens that equal stored ones
 * @param reason what ended the reuse
 * @param cachedToken the stored token at position {@code matched}, or -1 if nothing is stored there; less than that for
 *     a picture
 * @param promptToken the prompt's token at position {@code matched}, or -1 if the prompt ends there
 * @param restoredTokens those of the tokens before {@code resumePosition} that were read from disk for this request
 * @param prefixTokens those of them that came from the prefixes that ship with the application
 * @param restoreNanos how long restoring took
 */
public record ReusePlan(
        int resumePosition,
        int matched,
        Reason reason,
        int cachedToken,
        int promptToken,
        int restoredTokens,
        int prefixTokens,
        long restoreNanos) {

    /** Without anything from disk. */
    public ReusePlan(int resumePosition, int matched, Reason reason, int cachedToken, int promptToken) {
        this(resumePosition, matched, reason, cachedToken, promptToken, 0, 0, 0);
    }

    /** The same with something from disk. */
    ReusePlan restored(int tokens, int ofPrefixes, long nanos) {
        return new ReusePlan(resumePosition, matched, reason, cachedToken, promptToken, tokens, ofPrefixes, nanos);
    }

    /** What ended the reuse. */
    public enum Reason {
        /** The cache is switched off; or the prompt alone exceeds its limit, and will not be computed. */
        DISABLED,
        /** No stored prompt begins with this prompt's first token. */
        NEW,
        /** All that is stored along this prompt is reused; the rest is new. The best case of a conversation. */
        CONTINUED,
        /** The whole prompt is stored; its last token is computed again, because its logits are needed. */
        WHOLE_PROMPT,
        /** The stored sequence continues with another token than this prompt. */
        DIVERGED,
        /** More tokens match, but a state layer has no checkpoint there. */
        NO_CHECKPOINT,
        /** This conversation was stored further, but that part was evicted. */
        EVICTED
    }

    /**
     * The plan of a prompt, from facts only.
     *
     * @param prompt the prompt's tokens
     * @param resumable the deepest position at or before the last match where all layers can resume
     * @param matched number of leading tokens that are stored
     * @param cachedToken the stored token at {@code matched}, -1 if none
     * @param evicted whether this conversation was stored beyond {@code matched} once
     */
    static ReusePlan of(int[] prompt, int resumable, int matched, int cachedToken, boolean evicted) {
        int position = Math.min(resumable, prompt.length - 1);
        int promptToken = matched < prompt.length ? prompt[matched] : -1;
        Reason reason;
        if (position < Math.min(matched, prompt.length - 1)) {
            reason = Reason.NO_CHECKPOINT;
        } else if (matched == prompt.length) {
            reason = Reason.WHOLE_PROMPT;
        } else if (evicted) {
            reason = Reason.EVICTED;
        } else if (matched == 0) {
            reason = Reason.NEW;
        } else {
            reason = cachedToken == -1 ? Reason.CONTINUED : Reason.DIVERGED;
        }
        return new ReusePlan(position, matched, reason, cachedToken, promptToken);
    }

    static ReusePlan of(int[] prompt, int resumable, PrefixTrie.Match match, Conversation conversation) {
        boolean evicted = conversation.isKnown()
                && conversation.place(Place.END).removed
                && match.matched() < conversation.length;
        return of(prompt, resumable, match.matched(), cachedToken(match), evicted);
    }

    private static int cachedToken(PrefixTrie.Match match) {
        TrieNode node = match.node();
        if (match.matched() < node.end()) {
            return node.edge[match.matched() - node.start];
        }
        TrieNode newest = null;
        for (TrieNode child : node.children()) {
            newest = newest == null || child.usedTick > newest.usedTick ? child : newest;
        }
        return newest == null ? -1 : newest.edge[0];
    }
}
