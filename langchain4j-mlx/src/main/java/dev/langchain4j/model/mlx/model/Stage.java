package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import java.util.function.UnaryOperator;

/**
 * Which layers of a model are computed here, where the ranks have some each: the first rank the first ones, and what is
 * before and behind all layers; the others go on where the one before ends. The last one sends what comes out of its
 * layers to the first one.
 *
 * @param rank number of this rank, from 0
 * @param size number of ranks
 * @param send sends an array to the next rank, lazily: what it gives must be computed
 * @param receive receives an array from the rank before, lazily
 */
public record Stage(int rank, int size, UnaryOperator<MlxArray> send, Receiver receive) {

    /** Receives an array. */
    public interface Receiver {
        MlxArray receive(DType type, int... shape);
    }

    /** Whether this rank has what is before and behind all layers. */
    public boolean isFirst() {
        return rank == 0;
    }

    /** The first layer of this rank, of so many in all. */
    public int start(int layers) {
        return start(rank, layers);
    }

    /** The layer behind the last one of this rank, of so many in all. */
    public int end(int layers) {
        return start(rank + 1, layers);
    }

    /** The first layer of a rank; as many as there are for the rank behind the last one. */
    public int start(int ofRank, int layers) {
        return (int) ((long) ofRank * layers / size);
    }
}
