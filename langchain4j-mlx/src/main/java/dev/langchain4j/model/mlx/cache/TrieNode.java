package dev.langchain4j.model.mlx.cache;

import java.util.Arrays;

/**
 * A node of the trie: the tokens of its edge, and what is stored for them.
 *
 * <p>The state of the tokens {@code [start, end)} is held by {@link #slices}, or in the buffers of the sequences that
 * pass through the node ({@link #covers} of them), or by both.
 */
final class TrieNode {
    private static final int[] NO_TOKENS = {};
    private static final TrieNode[] NO_CHILDREN = {};

    int[] edge;
    int start;
    TrieNode parent;
    Tier tier = Tier.ASSISTANT;

    /** What sliceable layers hold for the edge; null if only sequences hold it. */
    TrieRecord slices;
    /** What state layers hold at {@link #end}; null if that was not kept. */
    TrieRecord states;

    /** Whether the states are there for their distance to others only, and may be thinned out. */
    boolean spaced;

    int covers;
    /** A sequence at rest that ends here, whose buffers also hold the state at {@link #end}; or null. */
    Sequence parked;
    /** The conversation that computed this edge, until another one used it too. */
    Conversation owner;

    boolean shared;
    /** Whether it was computed before a request asked for it, and none has used it yet. */
    boolean ahead;
    /** How many conversations began with a prompt that goes through this node. */
    int newcomers;

    long usedTick;
    long usedNanos;
    /** Removed nodes keep their parent, so that whoever remembers one finds what is left of its path. */
    boolean removed;

    /** Scratch of the evictor: expected uses, and the pass in which the node may not be evicted. */
    double rate;

    long protectedPass;

    private int[] firstTokens = NO_TOKENS;
    private TrieNode[] children = NO_CHILDREN;

    TrieNode(TrieNode parent, int[] edge) {
        this.parent = parent;
        this.edge = edge;
        this.start = parent == null ? 0 : parent.end();
    }

    int end() {
        return start + edge.length;
    }

    long sliceBytes() {
        return slices == null ? 0 : slices.bytes;
    }

    long stateBytes() {
        return states == null ? 0 : states.bytes;
    }

    /** Native buffers of its records. */
    int buffers() {
        return (slices == null ? 0 : slices.buffers) + (states == null ? 0 : states.buffers);
    }

    boolean isLeaf() {
        return children.length == 0;
    }

    TrieNode[] children() {
        return children;
    }

    TrieNode child(int token) {
        int i = Arrays.binarySearch(firstTokens, token);
        return i < 0 ? null : children[i];
    }

    void add(TrieNode child) {
        int i = -Arrays.binarySearch(firstTokens, child.edge[0]) - 1;
        assert i >= 0 : "a child with this token is there";
        int n = children.length;
        int[] tokens = Arrays.copyOf(firstTokens, n + 1);
        TrieNode[] nodes = Arrays.copyOf(children, n + 1);
        System.arraycopy(firstTokens, i, tokens, i + 1, n - i);
        System.arraycopy(children, i, nodes, i + 1, n - i);
        tokens[i] = child.edge[0];
        nodes[i] = child;
        firstTokens = tokens;
        children = nodes;
    }

    void remove(TrieNode child) {
        int i = Arrays.binarySearch(firstTokens, child.edge[0]);
        assert i >= 0 && children[i] == child : "not a child of this node";
        int n = children.length;
        if (n == 1) {
            firstTokens = NO_TOKENS;
            children = NO_CHILDREN;
            return;
        }
        int[] tokens = Arrays.copyOf(firstTokens, n - 1);
        TrieNode[] nodes = Arrays.copyOf(children, n - 1);
        System.arraycopy(firstTokens, i + 1, tokens, i, n - 1 - i);
        System.arraycopy(children, i + 1, nodes, i, n - 1 - i);
        firstTokens = tokens;
        children = nodes;
    }

    /** Puts {@code node} where {@code child}, which has the same first token, was. */
    void replace(TrieNode child, TrieNode node) {
        int i = Arrays.binarySearch(firstTokens, child.edge[0]);
        assert i >= 0 && children[i] == child && node.edge[0] == child.edge[0] : "not a child of this node";
        children[i] = node;
    }

    /** This node, or the nearest one above it that still stands. */
    TrieNode standing() {
        TrieNode node = this;
        while (node.removed) {
            node = node.parent;
        }
        return node;
    }

    /** Whether {@code other} is this node or lies below it. */
    boolean isAbove(TrieNode other) {
        TrieNode node = other;
        while (node != null && node.end() > end()) {
            node = node.parent;
        }
        return node == this;
    }

    /** Notes that the path to here was used: fetching is a use. */
    void used(Conversation conversation, boolean newcomer, long tick, long now) {
        for (TrieNode n = this; n.parent != null; n = n.parent) {
            n.usedTick = tick;
            n.usedNanos = now;
            n.newcomers += newcomer ? 1 : 0;
            n.shared |= n.owner != conversation;
        }
    }
}
