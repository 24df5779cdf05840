package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import java.util.function.UnaryOperator;

/** How a feed-forward layer puts its gate and its values together. */
public interface Gating {
    /** silu(gate) * up. */
    Gating SILU = Fast::siluTimes;

    /** gelu(gate) * up, with the exact form of gelu. */
    Gating GELU = by(Fast::gelu);

    /** gelu(gate) * up, with the tanh form of gelu. */
    Gating GELU_TANH = by(Fast::geluTanh);

    /** (up + 1) * gate * sigmoid(1.702 gate), limited to 7, as in gpt-oss. */
    Gating CLAMPED_SWISH = Gating::clampedSwish;

    /** activation(gate) * up. */
    static Gating by(UnaryOperator<MlxArray> activation) {
        return (gate, up) -> Ops.multiply(activation.apply(gate), up);
    }

    /** silu(gate) * up, where silu(gate) is at most the limit and up within it. */
    static Gating limited(double limit) {
        return (gate, up) -> {
            MlxArray high = MlxArray.scalar(limit, gate.dtype());
            MlxArray low = MlxArray.scalar(-limit, gate.dtype());
            return Ops.multiply(Ops.minimum(Ops.silu(gate), high), Ops.clip(up, low, high));
        };
    }

    /** Gate and values of one shape to one array of it. */
    MlxArray apply(MlxArray gate, MlxArray up);

    private static MlxArray clampedSwish(MlxArray gate, MlxArray up) {
        DType type = gate.dtype();
        MlxArray limit = MlxArray.scalar(7, type);
        MlxArray g = Ops.minimum(gate, limit);
        MlxArray u = Ops.clip(up, MlxArray.scalar(-7, type), limit);
        MlxArray scaled = Ops.multiply(g, 1.702);
        MlxArray shifted = Ops.add(u, 1);
        // In half precision another order would round otherwise than the reference does.
        return type == DType.FLOAT32
                ? Fast.siluTimes(scaled, Ops.divide(shifted, 1.702))
                : Ops.multiply(shifted, Ops.multiply(g, Ops.sigmoid(scaled)));
    }
}
