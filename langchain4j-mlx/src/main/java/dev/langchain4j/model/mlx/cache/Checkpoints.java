package dev.langchain4j.model.mlx.cache;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;

/**
 * The positions of one prompt that are worth a node of their own, and those where prefill stops to keep the state of
 * the layers that have one: boundaries, the place where the prompt leaves what is stored, the last position before the
 * end, and a regular spacing.
 */
final class Checkpoints {
    /** How many spacings a state may lie back before only every second, fourth, ... of them is kept. */
    private static final int LATTICE_REACH = 4;

    private final List<Boundary> boundaries;
    /** Position to whether it is there for the spacing only. */
    private final TreeMap<Integer, Boolean> stops = new TreeMap<>();

    private final int spacing;

    private final int promptLength;

    private Checkpoints(List<Boundary> boundaries, int spacing, int promptLength) {
        this.promptLength = promptLength;
        this.boundaries = boundaries;
        this.spacing = spacing;
    }

    /**
     * Plans the checkpoints of a request.
     *
     * @param spacing distance of regular checkpoints; 0 if no layer needs any
     * @param grid where prefill may stop
     */
    static Checkpoints of(CacheRequest request, ReusePlan plan, int spacing, Grid grid) {
        int[] prompt = request.tokens();
        int length = prompt.length;
        List<Boundary> boundaries = new ArrayList<>(request.boundaries());
        boundaries.removeIf(boundary -> boundary.position() == 0 || boundary.position() > length);
        boundaries.sort(Comparator.comparingInt(Boundary::position));
        Checkpoints result = new Checkpoints(boundaries, spacing, length);
        if (spacing > 0) {
            for (long p = spacing; p < length; p += spacing) {
                result.stops.put(grid.lineAt((int) p, prompt), true);
            }
            boundaries.forEach(boundary -> result.stops.put(grid.stop(boundary.position(), prompt), false));
            result.stops.put(grid.stop(plan.matched(), prompt), false);
            result.stops.put(grid.lineAt(length - 1, prompt), false);
            result.stops.put(grid.stop(length, prompt), false);
            result.stops.headMap(plan.resumePosition(), true).clear();
        }
        return result;
    }

    List<Boundary> boundaries() {
        return boundaries;
    }

    int nextStop(int position) {
        Integer next = stops.higherKey(position);
        return next == null ? Integer.MAX_VALUE : next;
    }

    /** Adds a position, which stays. */
    void stopAt(int position) {
        stops.put(position, false);
    }

    boolean isStop(int position) {
        return stops.containsKey(position);
    }

    boolean isSpacing(int position) {
        return stops.getOrDefault(position, false);
    }

    /** The last position of the prompt from which it can be resumed. */
    int promptPosition() {
        return promptLength - 1;
    }

    /** End of the last user message, or 0. */
    int turnPosition() {
        return last(Tier.USER);
    }

    /** End of the system message and tools, or 0. */
    int systemPosition() {
        return last(Tier.SYSTEM);
    }

    private int last(Tier tier) {
        int position = 0;
        for (Boundary boundary : boundaries) {
            position = boundary.tier() == tier ? boundary.position() : position;
        }
        return position;
    }

    /**
     * Drops states on a sequence's path that are there for their spacing only and lie far back: the k-th one stays
     * while the newest is no further ahead than a few times the greatest power of two that divides k.
     */
    void thinOut(Sequence sequence) {
        int newest = sequence.length() / spacing;
        for (TrieNode n = sequence.tail; n.parent != null; n = n.parent) {
            if (n.spaced && n.states != null) {
                int k = n.end() / spacing;
                if (newest - k > LATTICE_REACH * Integer.lowestOneBit(k)) {
                    sequence.trie.setStates(n, null);
                }
            }
        }
    }
}
