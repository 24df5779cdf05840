package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.Internal;
import java.util.Arrays;

/**
 * The position of a token sequence in the trie and its stored continuations: those of conversations with the same
 * prefix, as far as the isolation allows sharing with them. On the thread that owns the model.
 */
@Internal
public final class KnownPath {
    private static final int[] NONE = {};

    /** Holds the token before {@link #position}, or is the root; null once the sequence has left the trie. */
    private TrieNode node;

    private int position;

    /** Behind these tokens. */
    KnownPath(PrefixTrie trie, int[] tokens) {
        PrefixTrie.Match match = trie.match(tokens);
        position = match.matched();
        node = position < tokens.length ? null : match.node();
    }

    /** Goes on by a token. */
    public void advance(int token) {
        TrieNode at = standing();
        if (at != null && position == at.end()) {
            node = at.child(token);
        } else if (at != null && at.edge[position - at.start] != token) {
            node = null;
        }
        position++;
    }

    /** At most so many tokens that come next, up to a picture; where the trie branches, those that were used last. */
    public int[] next(int max) {
        TrieNode at = standing();
        if (at == null) {
            return NONE;
        }
        int[] tokens = new int[max];
        int count = 0;
        while (at != null && count < max) {
            int from = position + count - at.start;
            if (from == at.edge.length) {
                at = newestChild(at);
            } else {
                int part = Math.min(max - count, at.edge.length - from);
                System.arraycopy(at.edge, from, tokens, count, part);
                count += part;
            }
        }
        int texts = 0;
        while (texts < count && tokens[texts] >= 0) {
            texts++;
        }
        return Arrays.copyOf(tokens, texts);
    }

    /**
     * The node that has the last token: nodes are split, where the lower part keeps its name, and removed meanwhile.
     */
    private TrieNode standing() {
        while (node != null && position <= node.start && node.parent != null) {
            node = node.parent;
        }
        if (node != null && node.removed) {
            node = null;
        }
        return node;
    }

    private static TrieNode newestChild(TrieNode parent) {
        TrieNode newest = null;
        for (TrieNode child : parent.children()) {
            if (newest == null || child.usedTick >= newest.usedTick) {
                newest = child;
            }
        }
        return newest;
    }
}
