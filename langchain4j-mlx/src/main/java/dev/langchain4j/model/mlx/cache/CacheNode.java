package dev.langchain4j.model.mlx.cache;

import java.util.ArrayList;
import java.util.List;

/**
 * A node of the prompt cache's trie as it was at one moment, for drawing and counting. Positions are in tokens,
 * from the beginning of the prompt.
 *
 * @param start where the node's edge begins, inclusive
 * @param end where it ends, exclusive
 * @param tier what ends at {@code end}
 * @param bytes bytes of the records of this edge: slices of sliceable layers and states of the others
 * @param checkpoint whether a state of all state layers is kept at {@code end}
 * @param sequences conversations, running or at rest, whose buffers hold this edge
 * @param restingBytes bytes of the buffers of a conversation at rest that ends here; 0 if there is none
 * @param conversation the memory ID of the conversation that computed this edge; null if it had none
 * @param shared whether another conversation used this edge too
 * @param idleRequests requests of all conversations since this node was used last
 * @param children the nodes that continue from here
 */
public record CacheNode(
        int start,
        int end,
        Tier tier,
        long bytes,
        boolean checkpoint,
        int sequences,
        long restingBytes,
        Object conversation,
        boolean shared,
        long idleRequests,
        List<CacheNode> children) {

    /** The nodes below one of the trie, in the order of their first tokens. */
    static List<CacheNode> below(TrieNode node, long tick) {
        List<CacheNode> nodes = new ArrayList<>(node.children().length);
        for (TrieNode child : node.children()) {
            nodes.add(new CacheNode(
                    child.start,
                    child.end(),
                    child.tier,
                    child.sliceBytes() + child.stateBytes(),
                    child.states != null,
                    child.covers,
                    child.parked == null ? 0 : child.parked.bytes,
                    child.owner == null ? null : child.owner.id,
                    child.shared,
                    tick - child.usedTick,
                    below(child, tick)));
        }
        return List.copyOf(nodes);
    }
}
