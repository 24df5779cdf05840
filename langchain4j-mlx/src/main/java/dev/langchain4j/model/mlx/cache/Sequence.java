package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.List;

/**
 * The layers of one sequence of tokens, running or at rest. They hold the tokens from the root to the end of
 * {@link #tail}; a running sequence may be further already.
 */
final class Sequence {
    final PrefixTrie trie;
    final List<LayerCache> layers;
    Conversation conversation;
    TrieNode tail;
    boolean running = true;
    /** Bytes and native buffers of the layers when they were last asked. */
    long bytes;

    int buffers;
    /** Up to how many bytes it may grow, and how many of them it does not hold yet. */
    long mayHold;

    long promised;
    /** Bytes that it holds beside its layers for a moment. */
    long lent;

    Sequence(PrefixTrie trie, List<LayerCache> layers, Conversation conversation) {
        this.trie = trie;
        this.layers = layers;
        this.conversation = conversation;
        this.tail = trie.root();
    }

    int length() {
        return tail.end();
    }

    /** Moves the tail to a node below it. */
    void advance(TrieNode node) {
        assert tail.isAbove(node) : "not below the tail";
        for (TrieNode n = node; n != tail; n = n.parent) {
            n.covers++;
        }
        tail = node;
    }

    /** Moves the tail to a node above it; what that leaves without content is the caller's business. */
    void retreat(TrieNode node) {
        assert node.isAbove(tail) : "not above the tail";
        for (TrieNode n = tail; n != node; n = n.parent) {
            n.covers--;
        }
        tail = node;
    }

    long layerBytes() {
        long sum = 0;
        for (LayerCache layer : layers) {
            sum += layer.bytes();
        }
        return sum;
    }

    int layerBuffers() {
        int sum = 0;
        for (LayerCache layer : layers) {
            sum += layer.bufferCount();
        }
        return sum;
    }

    /** Bytes of the layers when they hold so many tokens; those of now if that is not known yet. */
    long layerBytesFor(int tokens) {
        long sum = 0;
        for (LayerCache layer : layers) {
            sum += Math.max(layer.bytes(), layer.bytesFor(tokens));
        }
        return sum;
    }

    /** The offset of the layers, if all stand at the same one; -1 if not. */
    int offset() {
        int offset = layers.isEmpty() ? 0 : layers.getFirst().offset();
        for (LayerCache layer : layers) {
            if (layer.offset() != offset) {
                return -1;
            }
        }
        return offset;
    }

    /** Tokens that all layers have. */
    int leastOffset() {
        return layers.stream().mapToInt(LayerCache::offset).min().orElse(0);
    }

    void closeLayers() {
        closeAll(layers);
    }

    /** Closes each layer, also if one of them fails, and throws what the first one threw. */
    static void closeAll(List<LayerCache> layers) {
        closeFrom(layers, 0);
    }

    private static void closeFrom(List<LayerCache> layers, int first) {
        int i = first;
        try {
            while (i < layers.size()) {
                layers.get(i++).close();
            }
        } finally {
            if (i < layers.size()) {
                closeFrom(layers, i);
            }
        }
    }
}
