package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.PromptCacheStats.TierStats;
import java.util.EnumMap;
import java.util.Map;

/** Running counts of what all tries of a cache hold, so that nothing has to walk them to know. */
final class Usage {
    private static final int TIERS = Tier.values().length;

    long recordBytes;
    long parkedBytes;
    long runningBytes;
    long bytesCopied;
    long folds;
    long refused;
    long requests;
    long promptTokens;
    long cachedTokens;
    private final int[] entries = new int[TIERS];
    private final long[] bytes = new long[TIERS];
    private final long[] tokens = new long[TIERS];
    private final long[] hits = new long[TIERS];
    private final long[] evictions = new long[TIERS];

    long bytesHeld() {
        return recordBytes + parkedBytes + runningBytes;
    }

    int entries() {
        int sum = 0;
        for (int n : entries) {
            sum += n;
        }
        return sum;
    }

    int entries(Tier tier) {
        return entries[tier.ordinal()];
    }

    /** Adds what a node holds. Every change of a node is between {@link #subtract} and this. */
    void add(TrieNode node) {
        count(node, 1);
    }

    void subtract(TrieNode node) {
        count(node, -1);
    }

    private void count(TrieNode node, int sign) {
        if (node.parent == null) {
            return;
        }
        int tier = node.tier.ordinal();
        long nodeBytes = node.sliceBytes + node.stateBytes;
        if (isEntry(node)) {
            entries[tier] += sign;
        }
        bytes[tier] += sign * nodeBytes;
        tokens[tier] += (long) sign * node.edge.length;
        recordBytes += sign * nodeBytes;
    }

    /** Whether a prompt can end in this node for a reason of its own, not only on the way to another. */
    static boolean isEntry(TrieNode node) {
        return node.isLeaf() || node.states != null || node.parked != null;
    }

    void setBytes(Sequence sequence, long now) {
        if (sequence.running) {
            runningBytes += now - sequence.bytes;
        } else {
            parkedBytes += now - sequence.bytes;
        }
        sequence.bytes = now;
    }

    void setRunning(Sequence sequence, boolean running) {
        long held = sequence.bytes;
        setBytes(sequence, 0);
        sequence.running = running;
        setBytes(sequence, held);
    }

    void hit(Tier tier) {
        hits[tier.ordinal()]++;
    }

    void evicted(Tier tier) {
        evictions[tier.ordinal()]++;
    }

    PromptCacheStats toStats(int conversations) {
        Map<Tier, TierStats> tiers = new EnumMap<>(Tier.class);
        for (Tier tier : Tier.values()) {
            int i = tier.ordinal();
            tiers.put(tier, new TierStats(entries[i], bytes[i], tokens[i], hits[i], evictions[i]));
        }
        return new PromptCacheStats(
                Map.copyOf(tiers),
                requests,
                promptTokens,
                cachedTokens,
                bytesHeld(),
                runningBytes,
                bytesCopied,
                folds,
                refused,
                conversations);
    }
}
