package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import java.util.List;
import java.util.function.BiFunction;

/**
 * How the vectors of a text's tokens become one, as sentence-transformers' Pooling module does it. Several ways at once
 * stand side by side in this order.
 */
enum Pooling {
    /** The first token's. */
    CLS("cls", "cls_token", (x, weights) -> Indexing.slice(x, 1, 0, 1)),
    /** The largest of each dimension. */
    MAX("max", "max_tokens", Pooling::max),
    /** The mean. */
    MEAN("mean", "mean_tokens", (x, weights) -> Ops.divide(sum(x, weights), count(weights))),
    /** The sum, divided by the root of the number of tokens. */
    MEAN_SQRT_LEN(
            "mean_sqrt_len_tokens",
            "mean_sqrt_len_tokens",
            (x, weights) -> Ops.divide(sum(x, weights), Ops.sqrt(count(weights)))),
    /** The mean, in which later tokens count more: the n-th n times. */
    WEIGHTED_MEAN("weightedmean", "weightedmean_tokens", Pooling::weightedMean),
    /** The last token's. */
    LAST("lasttoken", "lasttoken", Pooling::last);

    private final String mode;
    private final String flag;
    private final BiFunction<MlxArray, MlxArray, MlxArray> pool;

    Pooling(String mode, String flag, BiFunction<MlxArray, MlxArray, MlxArray> pool) {
        this.mode = mode;
        this.flag = "pooling_mode_" + flag;
        this.pool = pool;
    }

    /** The name in {@code pooling_mode}. */
    String mode() {
        return mode;
    }

    /** The name of the switch that older folders have instead. */
    String flag() {
        return flag;
    }

    /**
     * One vector for each text, in single precision.
     *
     * @param x vectors of tokens, [batch, length, dimension]
     * @param counted 1 for tokens that count, else 0, [batch, length, 1]; each text has one that counts
     * @return [batch, dimension times the number of ways]
     */
    static MlxArray apply(List<Pooling> ways, MlxArray x, MlxArray counted) {
        MlxArray single = Ops.astype(x, DType.FLOAT32);
        MlxArray[] parts =
                ways.stream().map(way -> way.pool.apply(single, counted)).toArray(MlxArray[]::new);
        MlxArray pooled = parts.length == 1 ? parts[0] : Indexing.concatenate(2, parts);
        return Indexing.squeeze(pooled, 1);
    }

    private static MlxArray sum(MlxArray x, MlxArray weights) {
        return Ops.sum(Ops.multiply(x, weights), 1, true);
    }

    private static MlxArray count(MlxArray weights) {
        return Ops.sum(weights, 1, true);
    }

    private static MlxArray max(MlxArray x, MlxArray weights) {
        MlxArray none = MlxArray.scalar(-1e9, DType.FLOAT32);
        return Ops.max(Ops.where(Ops.greater(weights, MlxArray.scalar(0, DType.FLOAT32)), x, none), 1, true);
    }

    private static MlxArray weightedMean(MlxArray x, MlxArray weights) {
        MlxArray places = Indexing.reshape(Indexing.arange(1, x.dim(1) + 1, DType.FLOAT32), 1, x.dim(1), 1);
        MlxArray rising = Ops.multiply(weights, places);
        return Ops.divide(sum(x, rising), count(rising));
    }

    /** The place where the most tokens that count lie behind one. */
    private static MlxArray last(MlxArray x, MlxArray weights) {
        MlxArray places = Indexing.reshape(Indexing.arange(1, x.dim(1) + 1, DType.FLOAT32), 1, x.dim(1), 1);
        MlxArray index = Ops.argmax(Ops.multiply(weights, places), 1, true);
        return Indexing.takeAlong(x, Indexing.broadcastTo(index, x.dim(0), 1, x.dim(2)), 1);
    }
}
