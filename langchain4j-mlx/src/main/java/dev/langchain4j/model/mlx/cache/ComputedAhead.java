package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.function.Predicate;

/**
 * What is computed of prompts that nobody has asked for yet: the beginning that the next prompt of a conversation has
 * for certain. It takes free room only, so that nothing is evicted for it, and the place of the end of the
 * conversation's path, which its next prompt leaves.
 *
 * <p>A session of this kind is no request: it is not counted as one, and nothing is learned from it. There is one at
 * most, and only while no request runs: it is closed when one begins, keeping what was computed, and when its
 * conversation is evicted.
 */
final class ComputedAhead {
    /** Records that a session may add beside those for their spacing: ends of messages, and states there. */
    private static final int RECORDS_MAX = 4;

    private final TrieCache cache;
    private CacheSession open;
    private volatile AheadStats stats = AheadStats.NONE;

    ComputedAhead(TrieCache cache) {
        this.cache = cache;
    }

    AheadStats stats() {
        return stats;
    }

    /** See {@link TrieCache#beginAhead}. */
    CacheSession begin(CacheRequest request, PrefixTrie trie, int tokensMin) {
        stop(Outcome.CANCELLED);
        int goal = request.tokens().length - 1;
        PrefixTrie.Match match = trie.match(request.tokens());
        int missing = goal - trie.resumable(match, cache.grid(), request.tokens());
        Conversation conversation = conversation(request, match);
        if (missing < tokensMin
                || conversation == null
                || conversation.trie != trie
                || !conversation.isKnown()
                || conversation.running > 0) {
            return null;
        }
        TrieNode node = trie.nodeToResume(match, cache.grid(), request.tokens());
        Sequence own = node == trie.root() ? null : SequenceStore.ownAtRest(trie, node, conversation);
        int records = RECORDS_MAX + missing / cache.limits().checkpointSpacingTokens();
        if (!hasRoom(request, trie, node, own, records)) {
            return null;
        }
        Sequence sequence = own != null
                ? cache.store().takeForNew(own, node)
                : cache.store().assemble(trie, node, conversation, cache.room().newLayers(request));
        try {
            ReusePlan plan = ReusePlan.of(request.tokens(), node.end(), match, conversation);
            CacheSession session = new CacheSession(cache, request, sequence, true, plan);
            cache.room().promiseFree(request.key(), sequence, goal + 1);
            session.computeAhead(goal + 1);
            if (cache.disk() != null) {
                cache.disk().offer(session, cache.grid());
            }
            open = session;
            return session;
        } catch (Throwable e) {
            cache.store().discard(sequence);
            throw e;
        }
    }

    private Conversation conversation(CacheRequest request, PrefixTrie.Match match) {
        return request.conversation() == null
                ? cache.conversations().continuedBy(match)
                : cache.conversations().byId(request.conversation());
    }

    /** Whether all that it may take is free: tokens, copies for others, states. */
    private boolean hasRoom(CacheRequest request, PrefixTrie trie, TrieNode node, Sequence own, int records) {
        Usage usage = cache.usage();
        CacheLimits limits = cache.limits();
        long stateBytes = 0;
        int buffers = 0;
        for (Sequence sequence : trie.sequences) {
            long bytes = 0;
            for (LayerCache layer : sequence.layers) {
                bytes += layer.sliceable() ? 0 : layer.bytes();
            }
            stateBytes = Math.max(stateBytes, bytes);
            buffers = Math.max(buffers, sequence.layerBuffers());
        }
        long copies = own == null ? 0 : SequenceStore.bytesToPreserve(own, node);
        return usage.entries() <= limits.entriesMax() - records
                && usage.buffers <= usage.buffersMax() - (long) records * buffers
                && cache.room().isFreeFor(request.key(), own, request.tokens().length, copies + records * stateBytes);
    }

    /** Closes the session that is open, if there is one. */
    void stop(Outcome outcome) {
        if (open != null) {
            open.close(outcome);
        }
    }

    /** The same if it is of a conversation whose memory ID is accepted. */
    void stop(Outcome outcome, Predicate<Object> conversation) {
        if (open != null
                && open.request().conversation() != null
                && conversation.test(open.request().conversation())) {
            stop(outcome);
        }
    }

    /** Called when a session has ended. */
    void ended(CacheSession session, Outcome outcome) {
        open = null;
        boolean whole = outcome != Outcome.FAILED && session.evaluated() == session.promptLength() - 1;
        int tokens = session.evaluated() - session.resumePosition();
        AheadStats before = stats;
        stats = new AheadStats(
                before.finished() + (whole ? 1 : 0),
                before.stopped() + (whole ? 0 : 1),
                before.tokens() + tokens,
                before.reusedTokens());
    }

    /** A request resumes at the end of a node. */
    void used(TrieNode node) {
        int tokens = 0;
        for (TrieNode n = node; n.parent != null; n = n.parent) {
            tokens += n.ahead ? n.edge.length : 0;
            n.ahead = false;
        }
        if (tokens > 0) {
            AheadStats before = stats;
            stats = new AheadStats(
                    before.finished(), before.stopped(), before.tokens(), before.reusedTokens() + tokens);
        }
    }
}
