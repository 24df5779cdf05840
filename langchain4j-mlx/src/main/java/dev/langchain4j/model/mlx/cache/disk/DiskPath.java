package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.Internal;
import java.util.List;

/**
 * What is stored along a sequence of tokens.
 *
 * @param edges from the first token on, each beginning where the one before is left
 * @param states at positions of the path, in ascending order
 * @param matched number of leading tokens that are stored, or wait to be
 * @param nextToken the stored token at {@code matched}, -1 if nothing is stored there
 */
@Internal
public record DiskPath(List<DiskRecord> edges, List<DiskRecord> states, int matched, int nextToken) {
    /** Nothing. */
    public static final DiskPath NONE = new DiskPath(List.of(), List.of(), 0, -1);

    /** The last edge; null if there is none. */
    public DiskRecord last() {
        return edges.isEmpty() ? null : edges.getLast();
    }

    /** Number of leading tokens whose edges can be read. */
    public int stored() {
        int position = 0;
        for (int i = 0; i < edges.size() && edges.get(i).isStored(); i++) {
            position = edgeEnd(i);
        }
        return position;
    }

    /** Where the edge with this index is left. */
    public int edgeEnd(int index) {
        return index + 1 < edges.size() ? edges.get(index + 1).start() : matched;
    }

    /** The state at this position; null if there is none. */
    public DiskRecord stateAt(int position) {
        for (DiskRecord state : states) {
            if (state.start() == position && !state.isDropped()) {
                return state;
            }
        }
        return null;
    }

    /** The edge that holds the token before this position; null if there is none. */
    public DiskRecord edgeTo(int position) {
        DiskRecord found = null;
        for (DiskRecord edge : edges) {
            if (edge.start() < position) {
                found = edge;
            }
        }
        return found;
    }
}
