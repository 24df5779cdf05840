package dev.langchain4j.model.mlx.kv;

import java.util.List;

/**
 * States of one layer of several sequences in common arrays, a row each, so that a step of all of them is one set of
 * operations. It lasts while the same sequences take steps together; each of them takes its row out when it needs a
 * state of its own. The arrays are freed when nobody has a row of them any more.
 */
final class StateStack {
    private final StateLayer rows;
    private final int count;
    private int members;

    private StateStack(StateLayer rows, int count) {
        this.rows = rows;
        this.count = count;
        this.members = count;
    }

    /** The stack of these layers, in this order; null if one of them has no state that could be a row. */
    static StateStack of(List<LayerCache> layers) {
        for (LayerCache layer : layers) {
            if (!(layer instanceof StateLayer state && state.canBeStacked())) {
                return null;
            }
        }
        StateStack common = ((StateLayer) layers.getFirst()).stack();
        for (int i = 0; i < layers.size() && common != null; i++) {
            StateLayer state = (StateLayer) layers.get(i);
            common = state.stack() == common && state.row() == i && common.count == layers.size() ? common : null;
        }
        return common != null
                ? common
                : stacked(layers.stream().map(StateLayer.class::cast).toList());
    }

    private static StateStack stacked(List<StateLayer> states) {
        StateLayer rows = states.getFirst().stacked(states);
        StateStack stack = new StateStack(rows, states.size());
        for (int i = 0; i < states.size(); i++) {
            states.get(i).join(stack, i);
        }
        return stack;
    }

    /** A layer whose arrays have a row for each sequence. */
    StateLayer rows() {
        return rows;
    }

    int count() {
        return count;
    }

    /** Bytes of a row. */
    long bytes() {
        return rows.bytes() / count;
    }

    /** Somebody has its row no longer. */
    void leave() {
        if (--members == 0) {
            rows.close();
        }
    }
}
