package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import java.util.List;
import java.util.function.Function;

/** A layer whose state can be a row of a {@link StateStack}. */
abstract class StateLayer implements LayerCache {
    private StateStack stack;
    private int row;

    /** Whether it has a state, and nothing beside it. */
    abstract boolean canBeStacked();

    /** A layer of these rows, in computed or lazy arrays of its own. */
    abstract StateLayer stacked(List<StateLayer> rows);

    /** Takes row {@code row} of what a stack holds, as lazy arrays of its own. */
    abstract void take(StateLayer rows, int row);

    /** Frees the arrays of its own. */
    abstract void drop();

    /** A token of it was fed to its stack. */
    abstract void advance();

    StateStack stack() {
        return stack;
    }

    int row() {
        return row;
    }

    /** Becomes a row of a stack, which has what it holds. */
    void join(StateStack joined, int at) {
        drop();
        leave();
        stack = joined;
        row = at;
    }

    /** From now on its state is in arrays of its own. */
    void own() {
        if (stack != null) {
            try (Scope scope = Scope.open()) {
                take(stack.rows(), row);
            }
            leave();
        }
    }

    @Override
    public void separate() {
        if (stack != null) {
            own();
            Eval.eval(buffers());
        }
    }

    /** It is a row no longer, and has no state. */
    void leave() {
        if (stack != null) {
            StateStack left = stack;
            stack = null;
            left.leave();
        }
    }

    /** A row of an array of its stack, a temporary of the current scope. */
    static MlxArray row(MlxArray all, int row) {
        return Indexing.slice(all, 0, row, row + 1);
    }

    /** Rows one below the other, a temporary of the current scope. */
    static MlxArray below(List<StateLayer> rows, Function<StateLayer, MlxArray> array) {
        return Indexing.concatenate(0, rows.stream().map(array).toArray(MlxArray[]::new));
    }
}
