package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.PromptCacheStats.TierStats;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongSupplier;

/** Running counts of what all tries of a cache hold, so that nothing has to walk them to know. */
final class Usage {
    private static final int TIERS = Tier.values().length;

    private final CacheLimits limits;
    /** What other models of the process leave: bytes, and native buffers. */
    private LongSupplier bytesLeft = () -> Long.MAX_VALUE;

    private LongSupplier buffersLeft = () -> Long.MAX_VALUE;

    long recordBytes;
    long parkedBytes;
    long runningBytes;
    /** What running sequences may still grow to, beyond what they hold. */
    long promisedBytes;
    /** Native buffers of records and sequences. */
    long buffers;

    /** What waits to be written to disk, in memory of its own. */
    LongSupplier queuedBytes = () -> 0;

    /** What belongs to prompts and is kept elsewhere. */
    SideCache side = SideCache.NONE;

    long bytesCopied;
    long folds;
    long refused;
    long requests;
    long promptTokens;
    long cachedTokens;
    long nanosSavedByMemory;
    long nanosSavedByDisk;
    private final int[] entries = new int[TIERS];
    private final long[] bytes = new long[TIERS];
    private final long[] tokens = new long[TIERS];
    private final long[] hits = new long[TIERS];
    private final long[] evictions = new long[TIERS];

    Usage(CacheLimits limits) {
        this.limits = limits;
    }

    /** Says what others leave, as of now. */
    void within(LongSupplier bytes, LongSupplier buffers) {
        bytesLeft = bytes;
        buffersLeft = buffers;
    }

    /** Bytes that may be held now: the limit, or what others leave of it; 0 keeps nothing. */
    long bytesMax() {
        return Math.clamp(bytesLeft.getAsLong(), 0, limits.bytesMax());
    }

    /** Native buffers that may be held now. */
    long buffersMax() {
        return Math.min(limits.buffersMax(), buffersLeft.getAsLong());
    }

    long bytesHeld() {
        return recordBytes + parkedBytes + runningBytes + queuedBytes.getAsLong() + side.bytes();
    }

    /** What running sequences hold and may grow to: no eviction makes room for more. */
    long bytesInUse() {
        return runningBytes + promisedBytes;
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
        long nodeBytes = node.sliceBytes() + node.stateBytes();
        if (isEntry(node)) {
            entries[tier] += sign;
        }
        bytes[tier] += sign * nodeBytes;
        tokens[tier] += (long) sign * node.edge.length;
        recordBytes += sign * nodeBytes;
        buffers += (long) sign * node.buffers();
    }

    /** Whether a prompt can end in this node for a reason of its own, not only on the way to another. */
    static boolean isEntry(TrieNode node) {
        return node.isLeaf() || node.states != null || node.parked != null;
    }

    /** Counts what the layers of a sequence hold now. */
    void measure(Sequence sequence) {
        set(sequence, sequence.layerBytes(), sequence.layerBuffers());
    }

    /** Counts a sequence no longer. */
    void forget(Sequence sequence) {
        promise(sequence, 0);
        lend(sequence, 0);
        set(sequence, 0, 0);
    }

    private void set(Sequence sequence, long bytesNow, int buffersNow) {
        if (sequence.running) {
            runningBytes += bytesNow - sequence.bytes;
        } else {
            parkedBytes += bytesNow - sequence.bytes;
        }
        buffers += buffersNow - sequence.buffers;
        sequence.bytes = bytesNow;
        sequence.buffers = buffersNow;
        promise(sequence, sequence.mayHold);
    }

    /** Lets a running sequence grow until it holds so many bytes; 0 takes back what was promised before. */
    void promise(Sequence sequence, long mayHold) {
        long more = Math.max(0, mayHold - sequence.bytes);
        promisedBytes += more - sequence.promised;
        sequence.promised = more;
        sequence.mayHold = mayHold;
    }

    /** Lets a running sequence hold so many bytes beside its layers, in place of what it was lent before. */
    void lend(Sequence sequence, long bytes) {
        promisedBytes += bytes - sequence.lent;
        sequence.lent = bytes;
    }

    void setRunning(Sequence sequence, boolean running) {
        promise(sequence, 0);
        lend(sequence, 0);
        parkedBytes += running ? -sequence.bytes : sequence.bytes;
        runningBytes += running ? sequence.bytes : -sequence.bytes;
        sequence.running = running;
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
                promisedBytes,
                bytesMax(),
                buffers,
                buffersMax(),
                bytesCopied,
                folds,
                refused,
                conversations,
                Duration.ofNanos(nanosSavedByMemory),
                Duration.ofNanos(nanosSavedByDisk));
    }
}
