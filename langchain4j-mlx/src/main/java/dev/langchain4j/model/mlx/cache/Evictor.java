package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.Conversation.Place;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * Makes room. In this order: what is held twice is released; idle sequences that share much are folded, unless evicting
 * costs less; and then the record goes whose loss is expected to cost least.
 *
 * <p>The expected loss of a record is (expected uses) x (tokens that would be computed again) / (bytes freed). Expected
 * uses are those of the conversations that may resume there ({@link ReturnOdds}, spread over the places where
 * conversations of this model were seen to come back to, {@link ReturnHabits}), and of new conversations, as often as
 * they came so far. With an {@link EvictionOrder} of tiers, the tier is chosen before. Only what lies at the end of a
 * branch is evicted, and no more of it than needed. Nothing that a running sequence needs, and nothing of the newest
 * insertion, is touched.
 */
final class Evictor {
    /** A part of a buffer is worth folding for if it is at least this fraction. */
    private static final double FOLD_MIN = 1.0 / 32;
    /** The least that is cut off an edge, as a fraction, so that cutting does not copy the rest again and again. */
    private static final int CUTS_PER_EDGE_MAX = 32;
    /** What copying a token costs, as a fraction of computing it again. */
    private static final double COPY_COST = 1.0 / 256;
    /** Below this many expected uses a request nobody is expected. */
    private static final double NEVER = 1e-9;
    /** How often within the allowed idle time the tries are searched for what is beyond it. */
    private static final int EXPIRIES_PER_IDLE_TIME = 16;

    private final CacheLimits limits;
    private final Usage usage;
    private final SequenceStore store;
    private final Conversations conversations;
    /** Hears of what is about to be evicted. */
    private BiConsumer<PrefixTrie, TrieNode> leaving = (trie, node) -> {};

    private long pass;
    /** Requests after which what is expected at a rate of so many a request is expected for certain. */
    private double patience = 1;

    private long expiredNanos;

    Evictor(CacheLimits limits, Usage usage, SequenceStore store, Conversations conversations) {
        this.limits = limits;
        this.usage = usage;
        this.store = store;
        this.conversations = conversations;
    }

    /** Tells a listener of each node before it is evicted, or its states are. */
    void beforeEviction(BiConsumer<PrefixTrie, TrieNode> listener) {
        leaving = listener;
    }

    private record Victim(PrefixTrie trie, TrieNode node, double loss) {}

    /**
     * Makes room for {@code room} more bytes.
     *
     * @param newest the sequence that was inserted last, which is not evicted; or null
     */
    void enforce(Collection<PrefixTrie> tries, Sequence newest, long room, long tick) {
        if (!over(room)) {
            return;
        }
        protect(tries, newest);
        rate(tries, tick);
        while (over(room) && makeRoom(tries, room)) {
            // each round frees something
        }
    }

    /** Evicts what was not used for longer than allowed. */
    void expire(Collection<PrefixTrie> tries, long nanos) {
        long idleMax = limits.idleNanos();
        if (nanos - expiredNanos < idleMax / EXPIRIES_PER_IDLE_TIME) {
            return;
        }
        expiredNanos = nanos;
        protect(tries, null);
        for (PrefixTrie trie : tries) {
            List<TrieNode> expired = new ArrayList<>();
            for (TrieNode child : trie.root().children()) {
                addExpired(child, nanos, idleMax, expired);
            }
            expired.forEach(node -> evictBelow(trie, node));
        }
    }

    /** The topmost nodes that were not used for too long: whatever is below one was not used either. */
    private void addExpired(TrieNode top, long nanos, long idleMax, List<TrieNode> expired) {
        List<TrieNode> open = new ArrayList<>(List.of(top));
        while (!open.isEmpty()) {
            TrieNode node = open.removeLast();
            if (node.protectedPass != pass && nanos - node.usedNanos > idleMax) {
                expired.add(node);
            } else {
                open.addAll(List.of(node.children()));
            }
        }
    }

    /** Evicts a node and all below it; of the sequences that end there, what others need stays. */
    private void evictBelow(PrefixTrie trie, TrieNode top) {
        EvictionEvent event = new EvictionEvent();
        event.begin();
        long held = usage.bytesHeld();
        TrieNode rest = top.parent;
        event.start = top.start;
        List<Sequence> parked = new ArrayList<>();
        PrefixTrie.forEach(top, node -> {
            event.end = Math.max(event.end, node.end());
            if (Usage.isEntry(node)) {
                usage.evicted(node.tier);
            }
            if (node.parked != null) {
                parked.add(node.parked);
            }
            if (node.isLeaf() || node.states != null) {
                leaving.accept(trie, node);
            }
        });
        parked.forEach(sequence -> store.fold(sequence, rest));
        if (!top.removed) {
            trie.remove(top);
        }
        trie.prune(rest);
        event.tier = top.tier.name();
        event.limit = "idle";
        event.bytesFreed = held - usage.bytesHeld();
        event.commit();
    }

    private boolean over(long room) {
        return overBytes(room) > 0 || overBuffers() || usage.entries() > limits.entriesMax();
    }

    private long overBytes(long room) {
        return usage.bytesHeld() + usage.promisedBytes + room - usage.bytesMax();
    }

    private boolean overBuffers() {
        return usage.buffers > usage.buffersMax();
    }

    private boolean makeRoom(Collection<PrefixTrie> tries, long room) {
        boolean bytes = overBytes(room) > 0;
        boolean buffers = overBuffers();
        if ((bytes || buffers) && releaseTwice(tries, false)) {
            return true;
        }
        Victim victim = findVictim(tries);
        if (bytes && foldOne(tries, victim)) {
            return true;
        }
        if ((victim == null || victim.loss > NEVER) && (bytes || buffers) && releaseTwice(tries, true)) {
            return true;
        }
        if (victim == null) {
            return false;
        }
        boolean entries = usage.entries() > limits.entriesMax();
        long least = entries || buffers ? Long.MAX_VALUE : overBytes(room);
        evict(victim, least, entries ? "entries" : bytes ? "bytes" : "buffers");
        return true;
    }

    /** Marks the paths that must stay. */
    private void protect(Collection<PrefixTrie> tries, Sequence newest) {
        pass++;
        for (PrefixTrie trie : tries) {
            for (Sequence sequence : trie.sequences) {
                if (sequence.running || sequence == newest) {
                    for (TrieNode n = sequence.tail; n.parent != null; n = n.parent) {
                        n.protectedPass = pass;
                    }
                }
            }
        }
    }

    /** Computes how often each place is expected to be resumed. */
    private void rate(Collection<PrefixTrie> tries, long tick) {
        for (PrefixTrie trie : tries) {
            trie.forEach(node -> {
                int own = node.newcomers;
                for (TrieNode child : node.children()) {
                    own -= child.newcomers;
                }
                node.rate = conversations.odds().expectedNewcomers(own, tick);
            });
        }
        conversations.estimate(tick).forEach(Evictor::addRate);
        patience = conversations.odds().patience();
    }

    /**
     * Spreads the expected requests over the places; what runs comes back to its own buffers, not to its path so far.
     */
    private static void addRate(Conversation conversation) {
        if (!conversation.isKnown()) {
            return;
        }
        PrefixTrie trie = conversation.trie;
        for (Place place : Place.values()) {
            if (place == Place.END && conversation.running > 0) {
                continue;
            }
            TrieNode node = conversation.place(place).standing();
            node = trie.resumable(node, node.end());
            node.rate += conversation.expected * trie.habits.probability(conversation.inToolLoop, place);
        }
    }

    private boolean releaseTwice(Collection<PrefixTrie> tries, boolean running) {
        boolean released = false;
        for (PrefixTrie trie : tries) {
            for (Sequence sequence : trie.sequences) {
                if (sequence.running == running) {
                    for (TrieNode n = sequence.tail; n.parent != null; n = n.parent) {
                        if (n.slices != null) {
                            trie.setSlices(n, null);
                            released = true;
                        }
                    }
                }
            }
        }
        return released;
    }

    /**
     * Folds the sequence at rest that was not used for longest, of those that free this fraction of their bytes, and
     * whose copies cost less than evicting the victim for what they free.
     */
    private boolean foldOne(Collection<PrefixTrie> tries, Victim victim) {
        double value = victim == null ? Double.POSITIVE_INFINITY : victim.loss * patience;
        Sequence best = null;
        for (PrefixTrie trie : tries) {
            for (Sequence sequence : trie.sequences) {
                if (!sequence.running && (best == null || sequence.tail.usedTick < best.tail.usedTick)) {
                    long gain = store.foldGain(sequence);
                    if (gain > FOLD_MIN * sequence.bytes && gain * value >= COPY_COST * (sequence.bytes - gain)) {
                        best = sequence;
                    }
                }
            }
        }
        if (best != null) {
            store.fold(best, best.tail);
        }
        return best != null;
    }

    private Victim findVictim(Collection<PrefixTrie> tries) {
        List<Tier> order = limits.evictionOrder().tiers();
        Victim[] best = new Victim[Math.max(1, order.size())];
        for (PrefixTrie trie : tries) {
            trie.forEach(node -> {
                boolean candidate = isFreeLeaf(node) || node.states != null;
                if (candidate) {
                    Victim victim = new Victim(trie, node, loss(trie, node));
                    int at = Math.max(0, order.indexOf(node.tier));
                    best[at] = best[at] == null || isBetter(victim, best[at]) ? victim : best[at];
                }
            });
        }
        return order.isEmpty() ? best[0] : ofTiers(order, best);
    }

    /** The victim of the first tier that has at least as many entries as the next one; of the last if none has. */
    private Victim ofTiers(List<Tier> order, Victim[] best) {
        Victim last = null;
        for (int i = 0; i < best.length; i++) {
            if (best[i] != null) {
                last = best[i];
                if (i + 1 < best.length && usage.entries(order.get(i)) >= usage.entries(order.get(i + 1))) {
                    return last;
                }
            }
        }
        return last;
    }

    /** Whether the node may go as a whole; of others, only the states may. */
    private boolean isFreeLeaf(TrieNode node) {
        return node.isLeaf() && node.protectedPass != pass;
    }

    private static boolean isBetter(Victim a, Victim b) {
        if (a.loss != b.loss) {
            return a.loss < b.loss;
        }
        if (a.node.usedTick != b.node.usedTick) {
            return a.node.usedTick < b.node.usedTick;
        }
        return a.node.end() > b.node.end();
    }

    /** Expected tokens to compute again for each byte that is freed. */
    private double loss(PrefixTrie trie, TrieNode node) {
        TrieNode previous = trie.resumable(node.parent, node.start);
        long bytes = node.stateBytes();
        if (isFreeLeaf(node)) {
            bytes += edgeBytes(node, node.parked);
            for (TrieNode n = node.parent; n != previous && n.children().length == 1; n = n.parent) {
                bytes += edgeBytes(n, node.parked);
            }
        }
        return node.rate * (node.end() - previous.end()) / Math.max(1, bytes);
    }

    /** What an edge takes, in records of its own or in the buffers of the sequence at rest that goes through it. */
    private static long edgeBytes(TrieNode node, Sequence parked) {
        if (node.slices != null || parked == null) {
            return node.sliceBytes();
        }
        return parked.bytes * node.edge.length / Math.max(1, parked.length());
    }

    private void evict(Victim victim, long bytes, String limit) {
        PrefixTrie trie = victim.trie;
        TrieNode node = victim.node;
        EvictionEvent event = new EvictionEvent();
        event.begin();
        long held = usage.bytesHeld();
        TrieNode rest = node.parent;
        event.end = node.end();
        if (node.rate > NEVER) {
            leaving.accept(trie, node);
        }
        if (!isFreeLeaf(node)) {
            trie.setStates(node, null);
            trie.prune(node);
            event.start = event.end;
        } else {
            if (!trie.stateful() && isWorthACopy(node)) {
                node = cut(trie, node, bytes);
            }
            event.start = node.start;
            rest = node.removed ? node.standing() : node.parent;
            if (node.parked != null) {
                rest = worthKeeping(trie, node);
                store.fold(node.parked, rest);
            }
            if (!node.removed) {
                trie.remove(node);
            }
            trie.prune(rest);
        }
        rest = rest.standing();
        trie.resumable(rest, rest.end()).rate += victim.node.rate;
        usage.evicted(node.tier);
        event.tier = node.tier.name();
        event.limit = limit;
        event.bytesFreed = held - usage.bytesHeld();
        event.commit();
    }

    /** Whether so much is expected of a place that copying what it needs costs less. */
    private boolean isWorthACopy(TrieNode node) {
        return node.rate * patience > COPY_COST;
    }

    /** The first node on the way up from a victim that somebody else holds, or that is worth a copy. */
    private TrieNode worthKeeping(PrefixTrie trie, TrieNode victim) {
        TrieNode keep = victim.parent;
        double uses = victim.rate + keep.rate;
        while (keep.parent != null
                && keep.protectedPass != pass
                && keep.children().length == 1
                && SequenceStore.mustPreserve(trie, keep)
                && uses * patience <= COPY_COST) {
            keep = keep.parent;
            uses += keep.rate;
        }
        return keep;
    }

    /** The lower part of a leaf that is enough to free so many bytes; removed already if it had slices. */
    private static TrieNode cut(PrefixTrie trie, TrieNode leaf, long bytes) {
        long edgeBytes = Math.max(1, edgeBytes(leaf, leaf.parked));
        int length = leaf.edge.length;
        if (bytes >= edgeBytes) {
            return leaf;
        }
        int tokens = (int) Math.max((bytes * length + edgeBytes - 1) / edgeBytes, length / CUTS_PER_EDGE_MAX);
        if (tokens < length) {
            int position = leaf.end() - tokens;
            if (leaf.parked == null && leaf.covers == 0) {
                trie.cutOff(leaf, position);
            } else {
                trie.nodeAt(leaf, position);
            }
        }
        return leaf;
    }
}
