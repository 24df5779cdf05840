package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.disk.DiskPath;
import dev.langchain4j.model.mlx.cache.disk.DiskRecord;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import dev.langchain4j.model.mlx.cache.disk.Need;
import dev.langchain4j.model.mlx.cache.disk.Section;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The way of a path to disk, a unit at a time: what the store does not have of its edges, then the states at some of
 * its nodes. Between units the trie may change; what is gone by then is not written.
 */
final class DiskWrite {
    private final DiskTier tier;
    private final DiskStore store;
    private final SnapshotCodec codec;
    private final long user;
    private final Conversation conversation;
    private final PrefixTrie trie;
    private final TrieNode end;
    private final List<TrieNode> states;
    private final boolean others;
    private final List<Need> needs = new ArrayList<>();
    private int[] tokens;

    /** @param others whether the user keeps what else it has on disk */
    DiskWrite(
            DiskTier tier, long user, Conversation conversation, TrieNode end, List<TrieNode> states, boolean others) {
        this.tier = tier;
        this.store = tier.store();
        this.codec = tier.codec();
        this.user = user;
        this.conversation = conversation;
        this.trie = conversation.trie;
        this.end = end;
        this.states = List.copyOf(states);
        this.others = others;
    }

    Conversation conversation() {
        return conversation;
    }

    /** Whether a part of it is gone when this node is evicted, or its states are. */
    boolean loses(TrieNode node) {
        return states.contains(node) || node.isLeaf() && node.isAbove(end);
    }

    /** Copies a unit for the store; whether there are more. */
    boolean unit() {
        if (end.removed || end.parent == null) {
            return false;
        }
        tokens = tokens == null ? path(end) : tokens;
        DiskPath path = store.match(trie.diskScope, tokens);
        if (path.matched() < tokens.length) {
            return edge(path);
        }
        for (TrieNode node : states) {
            boolean along = !node.removed && node.parent != null && node.isAbove(end);
            if (along && trie.stateful() && need(path, node)) {
                return true;
            }
        }
        needs.add(new Need(path.last(), tokens.length));
        store.need(user, needs, !others);
        return false;
    }

    /** The tokens up to the end of a node. */
    static int[] path(TrieNode end) {
        int[] tokens = new int[end.end()];
        for (TrieNode n = end; n.parent != null; n = n.parent) {
            System.arraycopy(n.edge, 0, tokens, n.start, n.edge.length);
        }
        return tokens;
    }

    /**
     * Up to where the path belongs to nobody: to the end of the system message and tools, which conversations share. An
     * isolated conversation shares nothing.
     */
    private int commonTo() {
        TrieNode node = end;
        while (node.parent != null && node.tier != Tier.SYSTEM) {
            node = node.parent;
        }
        return trie.diskScope == 0 ? node.end() : 0;
    }

    /** Copies the next part of an edge that is not stored; whether it was taken. */
    private boolean edge(DiskPath path) {
        int from = path.matched();
        TrieNode node = end;
        while (node.start > from) {
            node = node.parent;
        }
        List<Section> sections = new ArrayList<>();
        boolean common = from < commonTo();
        int to = common ? Math.min(node.end(), commonTo()) : node.end();
        if (trie.sliceable()) {
            Sequence source = node.slices == null ? SequenceStore.sourceOf(trie, node, end) : null;
            long bytes = source == null ? node.slices.bytes : source.bytes;
            int length = source == null ? node.edge.length : source.length();
            to = (int) Math.min(to, from + Math.max(1, tier.unitBytes() * length / Math.max(1, bytes)));
            if (!tier.takes(bytes * (to - from) / length)) {
                return false;
            }
            TrieRecord part = source == null ? node.slices.slice(from, to) : TrieRecord.slices(source, from, to);
            try {
                part.encode(codec, sections);
            } finally {
                part.close();
            }
        }
        int[] added = Arrays.copyOfRange(tokens, from, to);
        return store.addEdge(user, common ? 0 : user, trie.diskScope, path, added, sections) != null;
    }

    /** Notes that the state at a node is needed, and copies it if it is not stored; whether it was copied. */
    private boolean need(DiskPath path, TrieNode node) {
        DiskRecord stored = path.stateAt(node.end());
        boolean noted = stored != null && needs.stream().anyMatch(need -> need.record() == stored);
        if (stored == null && (node.states != null || node.parked != null)) {
            TrieRecord record = node.states != null ? node.states : TrieRecord.states(node.parked);
            try {
                List<Section> sections = new ArrayList<>();
                if (tier.takes(record.bytes)) {
                    record.encode(codec, sections);
                    long owner = node.end() <= commonTo() ? 0 : user;
                    return store.addState(user, owner, path.edgeTo(node.end()), node.end(), sections) != null;
                }
            } finally {
                if (record != node.states) {
                    record.close();
                }
            }
        } else if (stored != null && !noted) {
            needs.add(Need.whole(stored));
        }
        return false;
    }
}
