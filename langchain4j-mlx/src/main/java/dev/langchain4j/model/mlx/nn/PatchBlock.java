package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A layer of a vision tower: attention and a feed-forward layer, each behind a norm and added to what goes around it.
 * The norms behind them may be null.
 */
public record PatchBlock(
        Norm beforeAttention,
        PatchAttention attention,
        Norm afterAttention,
        Norm beforeMlp,
        FeedForward mlp,
        Norm afterMlp) {

    /** A layer without norms behind attention and the feed-forward layer. */
    public PatchBlock(Norm beforeAttention, PatchAttention attention, Norm beforeMlp, FeedForward mlp) {
        this(beforeAttention, attention, null, beforeMlp, mlp, null);
    }

    /** Applies the block to [1, patches, hidden]; see {@link PatchAttention#apply}. */
    public MlxArray apply(MlxArray x, UnaryOperator<MlxArray> positions, List<PatchAttention.Run> runs) {
        MlxArray attended = attention.apply(beforeAttention.apply(x), positions, runs);
        MlxArray h = Ops.add(x, afterAttention == null ? attended : afterAttention.apply(attended));
        MlxArray y = mlp.apply(beforeMlp.apply(h));
        return Ops.add(h, afterMlp == null ? y : afterMlp.apply(y));
    }
}
