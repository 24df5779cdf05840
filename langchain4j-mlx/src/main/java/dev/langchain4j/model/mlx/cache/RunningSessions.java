package dev.langchain4j.model.mlx.cache;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The sessions that are open, whose prompts others may begin like. */
final class RunningSessions {
    /** Fewer tokens than these are not worth waiting for. */
    private static final int TOKENS_MIN = 64;

    private final List<CacheSession> sessions = new ArrayList<>();
    private final Grid grid;

    RunningSessions(Grid grid) {
        this.grid = grid;
    }

    void add(CacheSession session) {
        sessions.add(session);
    }

    void remove(CacheSession session) {
        sessions.remove(session);
    }

    /** Tokens that a prompt has in common with the one of a session, in a trie. */
    private static int common(CacheSession session, int[] prompt) {
        int[] other = session.tokens();
        int length = session.promptLength();
        int mismatch = Arrays.mismatch(other, 0, length, prompt, 0, prompt.length);
        return mismatch < 0 ? length : mismatch;
    }

    /**
     * Puts into the trie what sessions have computed of a prompt so far. Without it, that is found from their next
     * boundary on. State layers are not served by it: they have nothing to go on from there.
     */
    void publish(PrefixTrie trie, int[] prompt) {
        for (CacheSession session : sessions) {
            if (session.sequence().trie == trie && !trie.stateful()) {
                session.publish(common(session, prompt));
            }
        }
    }

    /**
     * The session that will have computed the most of a prompt, and what of it; null if all that it has in common with
     * others can be resumed now, or nearly.
     *
     * @param step the prefix has a multiple of so many tokens
     */
    PendingPrefix pending(PrefixTrie trie, int[] prompt, int step) {
        int last = prompt.length - 1;
        int now = trie.resumable(trie.match(prompt), grid, prompt);
        CacheSession best = null;
        int bestPosition = 0;
        for (CacheSession session : sessions) {
            if (session.sequence().trie != trie) {
                continue;
            }
            int common = common(session, prompt);
            if (!trie.stateful()) {
                now = Math.max(now, grid.lineAt(Math.min(Math.min(common, last), session.evaluated())));
            }
            int position = Math.min(common, Math.min(last, session.promptLength() - 1)) / step * step;
            while (Grid.isInside(position, prompt)) {
                position = (position - 1) / step * step;
            }
            if (position > session.evaluated() && position > bestPosition) {
                best = session;
                bestPosition = position;
            }
        }
        return best == null || bestPosition - now < TOKENS_MIN ? null : new PendingPrefix(best, bestPosition);
    }
}
