package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;

/** How a feed-forward layer puts its gate and its values together. */
public interface Gating {
    /** silu(gate) * up. */
    Gating SILU = Fast::siluTimes;

    /** gelu(gate) * up, with the exact form of gelu. */
    Gating GELU = (gate, up) -> Ops.multiply(Fast.gelu(gate), up);

    /** gelu(gate) * up, with the tanh form of gelu. */
    Gating GELU_TANH = (gate, up) -> Ops.multiply(geluTanh(gate), up);

    /** (up + 1) * gate * sigmoid(1.702 gate), limited to 7, as in gpt-oss. */
    Gating CLAMPED_SWISH = Gating::clampedSwish;

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

    /** gelu in its tanh form. */
    static MlxArray geluTanh(MlxArray x) {
        MlxArray inner = Ops.multiply(Ops.add(x, Ops.multiply(cubed(x), 0.044715)), Math.sqrt(2 / Math.PI));
        return Ops.multiply(Ops.multiply(x, 0.5), Ops.add(Ops.tanh(inner), 1));
    }

    /** Rounded once, as a power is. */
    private static MlxArray cubed(MlxArray x) {
        MlxArray single = Ops.astype(x, DType.FLOAT32);
        return Ops.astype(Ops.multiply(Ops.multiply(single, single), single), x.dtype());
    }

    private static MlxArray clampedSwish(MlxArray gate, MlxArray up) {
        DType type = gate.dtype();
        MlxArray limit = MlxArray.scalar(7, type);
        MlxArray g = Ops.minimum(gate, limit);
        MlxArray u = Ops.clip(up, MlxArray.scalar(-7, type), limit);
        return Ops.multiply(Ops.add(u, 1), Ops.multiply(g, Ops.sigmoid(Ops.multiply(g, 1.702))));
    }
}
