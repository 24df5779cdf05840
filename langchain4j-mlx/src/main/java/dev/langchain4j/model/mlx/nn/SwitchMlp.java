package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.function.UnaryOperator;

/** The feed-forward layers of all experts. Source: mlx-lm's {@code models/switch_layers.py}. */
public final class SwitchMlp {
    /** From this many rows on, sorting them by expert costs less than reading matrices again and again. */
    private static final int SORTED_ROWS_MIN = 64;

    private final SwitchLinear up;
    private final SwitchLinear down;
    /** Adds up what all ranks computed; null where this is whole on every rank. */
    private final UnaryOperator<MlxArray> sum;

    private SwitchMlp(SwitchLinear up, SwitchLinear down, UnaryOperator<MlxArray> sum) {
        this.up = up;
        this.down = down;
        this.sum = sum;
    }

    /** The gated layer of this name with its gate_proj, up_proj and down_proj of this many experts. */
    public static SwitchMlp load(
            Weights w, String name, int dimension, int inner, int experts, boolean bias, Gating gating) {
        Part share = Mlp.share(w, name + ".down_proj", inner);
        SwitchLinear gate = SwitchLinear.loadRows(w, name + ".gate_proj", experts, dimension, share, bias);
        SwitchLinear up = SwitchLinear.loadRows(w, name + ".up_proj", experts, dimension, share, bias);
        return new SwitchMlp(
                (x, chosen, sorted) -> {
                    MlxArray values = up.apply(x, chosen, sorted);
                    return gating.apply(gate.apply(x, chosen, sorted), values);
                },
                SwitchLinear.loadColumns(w, name + ".down_proj", experts, share, dimension, bias),
                share.isWhole() ? null : w.shard().sum());
    }

    /** The layer of this name without gates and biases, with its fc1 and fc2 of this many experts. */
    public static SwitchMlp loadUngated(
            Weights w, String name, int dimension, int inner, int experts, UnaryOperator<MlxArray> activation) {
        Part share = Mlp.share(w, name + ".fc2", inner);
        SwitchLinear up = SwitchLinear.loadRows(w, name + ".fc1", experts, dimension, share, false);
        return new SwitchMlp(
                (x, chosen, sorted) -> activation.apply(up.apply(x, chosen, sorted)),
                SwitchLinear.loadColumns(w, name + ".fc2", experts, share, dimension, false),
                share.isWhole() ? null : w.shard().sum());
    }

    /** Sends each position of [1, length, dimension] through its experts and adds up what comes out, weighted. */
    public MlxArray apply(MlxArray x, Router.Choice choice) {
        MlxArray y = own(x, choice);
        return sum == null ? y : sum.apply(y);
    }

    /** The same with the output of a layer that all positions go through as well added to it. */
    MlxArray apply(MlxArray x, Router.Choice choice, FeedForward shared) {
        MlxArray part = sum == null ? null : shared.partial(x);
        return part == null ? Ops.add(apply(x, choice), shared.apply(x)) : sum.apply(Ops.add(own(x, choice), part));
    }

    /** What this rank has of it. */
    private MlxArray own(MlxArray x, Router.Choice choice) {
        MlxArray experts = choice.experts();
        MlxArray y = experts.size() >= SORTED_ROWS_MIN
                ? sorted(x, experts)
                : run(Indexing.expandDims(Indexing.expandDims(x, -2), -2), experts, false);
        MlxArray rows = Indexing.squeeze(y, -2);
        MlxArray weighted = Ops.multiply(rows, Indexing.expandDims(choice.weights(), -1));
        return Ops.astype(Ops.sum(weighted, -2, false), rows.dtype());
    }

    private MlxArray sorted(MlxArray x, MlxArray experts) {
        MlxArray flat = Indexing.flatten(experts, 0, -1);
        MlxArray order = Ops.argsort(flat, 0);
        MlxArray perPosition = MlxArray.scalar(experts.dim(-1), DType.UINT32);
        MlxArray rows = Indexing.expandDims(
                Indexing.take(Indexing.flatten(x, 0, -2), Ops.floorDivide(order, perPosition), 0), 1);
        MlxArray y = run(rows, Indexing.take(flat, order, 0), true);
        MlxArray back = Indexing.take(y, Ops.argsort(order, 0), 0);
        return Indexing.unflatten(back, 0, experts.shape());
    }

    private MlxArray run(MlxArray x, MlxArray experts, boolean sorted) {
        return down.apply(up.apply(x, experts, sorted), experts, sorted);
    }
}
