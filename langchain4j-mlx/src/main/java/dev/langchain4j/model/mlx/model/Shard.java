package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.MlxArray;
import java.util.function.UnaryOperator;

/**
 * Which share of a model is loaded here, where several ranks compute it together. Either layers are split, so that each
 * rank has some heads of attention and some of the inner dimensions of feed-forward layers; or each rank has some of
 * the layers.
 *
 * @param rank number of the share, from 0, where layers are split
 * @param size number of shares that layers are split into
 * @param sum adds up what all ranks computed
 * @param stage which layers are computed here; null for all
 */
public record Shard(int rank, int size, UnaryOperator<MlxArray> sum, Stage stage) {
    /** All of a model. */
    public static final Shard WHOLE = new Shard(0, 1, x -> x);

    /** A share of each layer. */
    public Shard(int rank, int size, UnaryOperator<MlxArray> sum) {
        this(rank, size, sum, null);
    }

    /** Some of the layers. */
    public static Shard of(Stage stage) {
        return new Shard(0, 1, x -> x, stage);
    }

    /** Whether layers are not split. */
    public boolean isWhole() {
        return size == 1;
    }

    /** How many ranks have the model. */
    public int ranks() {
        return stage == null ? size : stage.size();
    }

    /**
     * The share of a dimension that may be cut at every multiple of a unit, as even as that allows; all of it if it is
     * short.
     */
    public Part of(int length, int unit) {
        int units = Math.ceilDiv(length, unit);
        if (units < size) {
            return Part.all(length);
        }
        return new Part(length, start(rank, units) * unit, Math.min(length, start(rank + 1, units) * unit));
    }

    private int start(int ofRank, int units) {
        return (int) ((long) ofRank * units / size);
    }

    /** The heads of this rank. */
    public Part heads(int heads) {
        return new Part(heads, rank * (heads / size), (rank + 1) * (heads / size));
    }

    /**
     * The heads of keys and values that its heads attend to; where there are fewer than ranks, several ranks have the
     * same.
     */
    public Part kvHeads(int kvHeads) {
        int first = (int) ((long) rank * kvHeads / size);
        return new Part(kvHeads, first, first + Math.max(1, kvHeads / size));
    }
}
