package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * A compressed radix trie over the tokens of all prompts of one model and scope.
 *
 * <p>Invariants, between two calls of the cache:
 *
 * <ul>
 *   <li>an edge is never empty, and the edges of two children begin with different tokens;
 *   <li>if layers are sliceable, each node has content: slices of its own, or a sequence that passes through it; so
 *       whatever is matched from the root on can be put together;
 *   <li>{@link TrieNode#covers} is the number of sequences whose tail is the node or below it;
 *   <li>with state layers, each leaf has states or a sequence that ends there: what nobody can resume is not kept.
 * </ul>
 */
final class PrefixTrie {
    /** Where a prompt leaves the trie: {@code matched} tokens are equal, the last of them in {@code node}. */
    record Match(TrieNode node, int matched) {}

    static final long NOT_ON_DISK = -1;

    private final TrieNode root = new TrieNode(null, new int[0]);
    private final Usage usage;
    final List<Sequence> sequences = new ArrayList<>();
    /** Which part of a store on disk belongs to it; {@link #NOT_ON_DISK} if none does. */
    long diskScope = NOT_ON_DISK;

    final ReturnHabits habits = new ReturnHabits();
    private boolean sliceable;
    private boolean stateful;

    PrefixTrie(Usage usage) {
        this.usage = usage;
    }

    TrieNode root() {
        return root;
    }

    /** Takes the kinds of layers from the first sequence; all others have the same. */
    void learnKinds(List<LayerCache> layers) {
        sliceable = layers.stream().anyMatch(LayerCache::sliceable);
        stateful = layers.stream().anyMatch(layer -> !layer.sliceable());
    }

    boolean sliceable() {
        return sliceable;
    }

    boolean stateful() {
        return stateful;
    }

    boolean isEmpty() {
        return root.isLeaf() && sequences.isEmpty();
    }

    /** How far a prompt is stored; what is only begun of a picture does not count. */
    Match match(int[] tokens) {
        TrieNode node = root;
        int position = 0;
        while (position < tokens.length) {
            TrieNode child = node.child(tokens[position]);
            if (child == null) {
                break;
            }
            int equal = commonPrefix(child.edge, tokens, position);
            position += equal;
            node = child;
            if (equal < child.edge.length) {
                break;
            }
        }
        while (Grid.isInside(position, tokens)) {
            position--;
        }
        while (node != root && node.start >= position) {
            node = node.parent;
        }
        return new Match(node, position);
    }

    private static int commonPrefix(int[] edge, int[] tokens, int from) {
        int to = Math.min(tokens.length, from + edge.length);
        int mismatch = Arrays.mismatch(edge, 0, edge.length, tokens, from, to);
        return mismatch < 0 ? edge.length : mismatch;
    }

    /** The node that ends at {@code position}, on the way to {@code node}; splits an edge if there is none. */
    TrieNode nodeAt(TrieNode node, int position) {
        TrieNode at = node;
        while (at.start >= position && at.parent != null) {
            at = at.parent;
        }
        assert position <= at.end() : "position " + position + " lies below the node";
        return position == at.end() ? at : split(at, position);
    }

    /** Cuts off the last tokens of a leaf: what is left of it, whose records are copied; the node itself is removed. */
    TrieNode cutOff(TrieNode leaf, int position) {
        TrieNode rest = split(leaf, position, false);
        remove(leaf);
        return rest;
    }

    private TrieNode split(TrieNode node, int position) {
        return split(node, position, true);
    }

    /** The node itself becomes the lower part, so that what refers to its end stays right. */
    private TrieNode split(TrieNode node, int position, boolean keepLower) {
        int cut = position - node.start;
        TrieRecord slices = node.slices;
        TrieRecord upperSlices = slices == null ? null : slices.slice(node.start, position);
        TrieRecord lowerSlices = null;
        if (slices != null && keepLower) {
            try {
                lowerSlices = slices.slice(position, node.end());
            } catch (Throwable e) {
                upperSlices.close();
                throw e;
            }
        }
        usage.subtract(node);
        TrieNode upper = new TrieNode(node.parent, Arrays.copyOf(node.edge, cut));
        node.parent.replace(node, upper);
        node.edge = Arrays.copyOfRange(node.edge, cut, node.edge.length);
        node.start = position;
        node.parent = upper;
        upper.add(node);
        upper.tier = node.tier;
        upper.covers = node.covers;
        upper.owner = node.owner;
        upper.shared = node.shared;
        upper.ahead = node.ahead;
        upper.newcomers = node.newcomers;
        upper.usedTick = node.usedTick;
        upper.usedNanos = node.usedNanos;
        upper.protectedPass = node.protectedPass;
        node.slices = lowerSlices;
        upper.slices = upperSlices;
        usage.bytesCopied += node.sliceBytes() + upper.sliceBytes();
        usage.add(node);
        usage.add(upper);
        close(slices);
        return upper;
    }

    /**
     * Walks on from {@code node}, which ends at {@code from}, along {@code tokens[from, to)} and adds what is missing.
     *
     * @return the node that ends at {@code to}
     */
    TrieNode extend(TrieNode node, int[] tokens, int from, int to, Conversation owner) {
        assert node.end() == from : "the node ends at " + node.end() + ", not at " + from;
        TrieNode at = node;
        int position = from;
        while (position < to) {
            TrieNode child = at.child(tokens[position]);
            if (child == null) {
                child = new TrieNode(at, Arrays.copyOfRange(tokens, position, to));
                child.owner = owner;
                child.usedTick = at.usedTick;
                child.usedNanos = at.usedNanos;
                add(at, child);
                return child;
            }
            int equal = Math.min(to - position, commonPrefix(child.edge, tokens, position));
            position += equal;
            at = equal < child.edge.length ? split(child, position) : child;
            at.shared |= at.owner != owner;
        }
        return at;
    }

    private void add(TrieNode parent, TrieNode child) {
        usage.subtract(parent);
        parent.add(child);
        usage.add(parent);
        usage.add(child);
    }

    void setTier(TrieNode node, Tier tier) {
        if (tier.compareTo(node.tier) > 0) {
            usage.subtract(node);
            node.tier = tier;
            usage.add(node);
        }
    }

    /** Gives a node slices of its own, or takes them away; closes those that it had. */
    void setSlices(TrieNode node, TrieRecord slices) {
        usage.subtract(node);
        TrieRecord old = node.slices;
        node.slices = slices;
        usage.add(node);
        close(old);
    }

    /** Gives a node states at its end, or takes them away; closes those that it had. */
    void setStates(TrieNode node, TrieRecord states) {
        usage.subtract(node);
        TrieRecord old = node.states;
        node.states = states;
        usage.add(node);
        close(old);
    }

    void setParked(TrieNode node, Sequence sequence) {
        usage.subtract(node);
        node.parked = sequence;
        usage.add(node);
    }

    /** Removes a node and all that is below it. No sequence may pass through it. */
    void remove(TrieNode node) {
        assert node.covers == 0 && node != root : "a sequence needs this node";
        TrieNode parent = node.parent;
        usage.subtract(parent);
        parent.remove(node);
        usage.add(parent);
        forEach(node, n -> {
            usage.subtract(n);
            n.removed = true;
            close(n.slices);
            close(n.states);
            n.slices = null;
            n.states = null;
        });
    }

    private static void close(TrieRecord record) {
        if (record != null) {
            record.close();
        }
    }

    /** Removes leaves that nobody can resume, from {@code node} upwards. */
    void prune(TrieNode node) {
        TrieNode at = node.standing();
        while (at != root && at.isLeaf() && at.covers == 0 && !isOfUse(at)) {
            TrieNode parent = at.parent;
            remove(at);
            at = parent;
        }
    }

    private boolean isOfUse(TrieNode leaf) {
        return stateful ? leaf.states != null : leaf.slices != null;
    }

    boolean hasContent(TrieNode node) {
        return !sliceable || node.covers > 0 || node.slices != null;
    }

    /** Whether a sequence can resume at the end of this node. */
    boolean canResume(TrieNode node) {
        return !stateful || node.states != null || node.parked != null || node == root;
    }

    /** The deepest node at or above {@code node} that ends at or before {@code position} and can be resumed. */
    TrieNode resumable(TrieNode node, int position) {
        TrieNode at = node;
        while (at != root && (at.end() > position || !canResume(at))) {
            at = at.parent;
        }
        return at;
    }

    /** How much of a matched prompt can be resumed. */
    int resumable(Match match, Grid grid, int[] prompt) {
        int position = grid.lineAt(Math.min(match.matched, prompt.length - 1), prompt);
        return stateful ? resumable(match.node, position).end() : position;
    }

    /** The node that ends there; splits an edge if there is none. */
    TrieNode nodeToResume(Match match, Grid grid, int[] prompt) {
        int position = resumable(match, grid, prompt);
        return stateful ? resumable(match.node, position) : nodeAt(match.node, position);
    }

    void forEach(Consumer<TrieNode> action) {
        for (TrieNode child : root.children()) {
            forEach(child, action);
        }
    }

    static void forEach(TrieNode top, Consumer<TrieNode> action) {
        List<TrieNode> open = new ArrayList<>();
        open.add(top);
        while (!open.isEmpty()) {
            TrieNode node = open.removeLast();
            open.addAll(Arrays.asList(node.children()));
            action.accept(node);
        }
    }
}
