package dev.langchain4j.model.mlx.cache;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;

/**
 * What a trie holds beside the path of a prompt: what other conversations, and earlier turns of this one, went on with.
 */
final class KnownTexts {
    /** No token: between two texts that have nothing to do with each other. */
    static final int END = -1;

    /** Tokens before a branch that are told with it, so that its beginning can be found. */
    private static final int BEFORE = 16;

    private static final int BRANCHES_MAX = 512;

    private KnownTexts() {}

    /**
     * The branches that were used last, at most so many tokens of them, the newest at the end; {@link #END} behind
     * each.
     */
    static int[] beside(PrefixTrie trie, int[] prompt, int max) {
        PrefixTrie.Match match = trie.match(prompt);
        Set<TrieNode> path = new HashSet<>();
        for (TrieNode node = match.node(); node != null; node = node.parent) {
            if (node.end() <= match.matched()) {
                path.add(node);
            }
        }
        PriorityQueue<TrieNode> newest = new PriorityQueue<>(Comparator.comparingLong(node -> node.usedTick));
        trie.forEach(node -> {
            if (newest.size() == BRANCHES_MAX && newest.peek().usedTick < node.usedTick) {
                newest.poll();
            }
            if (newest.size() < BRANCHES_MAX && !path.contains(node) && node.parent != null) {
                newest.add(node);
            }
        });
        List<TrieNode> branches = new ArrayList<>(newest);
        branches.sort(newest.comparator().reversed());
        int[] texts = new int[max];
        int from = max;
        for (int i = 0; i < branches.size() && from > BEFORE + 1; i++) {
            TrieNode branch = branches.get(i);
            int start = branch == match.node() ? match.matched() : branch.start;
            from = prepend(texts, from, branch, branch.end() - start);
        }
        return Arrays.copyOfRange(texts, from, max);
    }

    /** Writes so many last tokens of a branch before a place, as far as there is room; returns where they begin. */
    private static int prepend(int[] texts, int end, TrieNode branch, int tokens) {
        int from = end - 1;
        texts[from] = END;
        int more = tokens + BEFORE;
        for (TrieNode node = branch; node.parent != null && more > 0 && from > 0; node = node.parent) {
            int part = Math.min(Math.min(more, from), node.edge.length);
            System.arraycopy(node.edge, node.edge.length - part, texts, from - part, part);
            from -= part;
            more -= part;
        }
        return from;
    }
}
