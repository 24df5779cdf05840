package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Weights;

/** A matrix for each head, [heads, out, in], that is also used backwards. Source: mlx-lm's {@code models/mla.py}. */
public interface MultiLinear {

    /** [1, heads or 1, length, in] to [1, heads, length, out]. */
    MlxArray apply(MlxArray x);

    /** The transposed matrices: [1, heads or 1, length, out] to [1, heads, length, in]. */
    MlxArray applyTransposed(MlxArray x);

    /** The layer of this name, quantized if the weights say so. */
    static MultiLinear load(Weights weights, String name, Part heads, int in, int out) {
        Format format = weights.format(name, in);
        if (format != null) {
            return new QuantizedMultiLinear(
                    QuantizedMatrix.load(weights, name, format, Part.all(in), heads, Part.all(out)));
        }
        MlxArray matrices = weights.part(name + ".weight", heads, Part.all(out), Part.all(in));
        return new PlainMultiLinear(matrices, weights.adopt(Indexing.swapAxes(matrices, -1, -2)));
    }

    /** A layer over matrices [heads, out, in] that were computed, which get buffers of their own. */
    static MultiLinear of(Weights weights, MlxArray computed) {
        MlxArray matrices = weights.adopt(Indexing.contiguous(computed));
        return new PlainMultiLinear(matrices, weights.adopt(Indexing.swapAxes(matrices, -1, -2)));
    }

    /** Matrices as they are. */
    record PlainMultiLinear(MlxArray matrices, MlxArray transposed) implements MultiLinear {
        @Override
        public MlxArray apply(MlxArray x) {
            return Ops.matmul(x, transposed);
        }

        @Override
        public MlxArray applyTransposed(MlxArray x) {
            return Ops.matmul(x, matrices);
        }
    }

    /** Quantized matrices. */
    record QuantizedMultiLinear(QuantizedMatrix m) implements MultiLinear {
        @Override
        public MlxArray apply(MlxArray x) {
            return Quantized.matmul(x, m.weight(), m.scales(), m.biases(), m.format());
        }

        @Override
        public MlxArray applyTransposed(MlxArray x) {
            return Quantized.matmulTransposed(x, m.weight(), m.scales(), m.biases(), m.format());
        }
    }
}
