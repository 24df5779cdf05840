package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.model.Adapter.Change;
import dev.langchain4j.model.mlx.model.Weights;

/** y = x W' + b, over the last dimension. */
public interface Linear {

    /** Applies the layer: [..., in] to [..., out]. */
    MlxArray apply(MlxArray x);

    /** This layer with outputs that tanh keeps below a number; itself if that is 0. */
    default Linear capped(double cap) {
        if (cap == 0) {
            return this;
        }
        Compiled capping = Compiled.of(in -> Ops.multiply(Ops.tanh(Ops.divide(in[0], cap)), cap));
        return x -> capping.apply(apply(x));
    }

    /**
     * The layer of this name, quantized if the weights say so.
     *
     * @param in length of the last dimension of what goes in
     * @param out length of the last dimension of what comes out
     * @param bias whether there must be a bias
     */
    static Linear load(Weights weights, String name, int in, int out, boolean bias) {
        MlxArray b = bias ? weights.get(name + ".bias", out) : null;
        Format format = weights.format(name, in);
        QuantizedMatrix packed = format == null ? null : QuantizedMatrix.load(weights, name, format, in, out);
        MlxArray matrix = format == null ? weights.get(name + ".weight", out, in) : null;
        Change change = weights.change(name);
        MlxArray own = change != null && change.magnitude() != null ? null : b;
        Linear plain = packed != null ? new QuantizedLinear(packed, own) : of(weights, matrix, own);
        if (change == null) {
            return plain;
        }
        return LowRank.linear(weights, change, in, out, plain, packed != null ? packed.dequantized() : matrix, b);
    }

    /**
     * A layer over a matrix [out, in], of which the transposed view is made once. A second view has a batch dimension, as
     * what goes in mostly has: products of equal dimensions need no reshaping before and after.
     */
    static Linear of(Weights weights, MlxArray matrix, MlxArray bias) {
        MlxArray plain = weights.adopt(Indexing.transpose(matrix, 1, 0));
        MlxArray batched = weights.adopt(Indexing.expandDims(plain, 0));
        return x -> {
            MlxArray transposed = x.ndim() == 3 ? batched : plain;
            return bias == null ? Ops.matmul(x, transposed) : Ops.addmm(bias, x, transposed);
        };
    }

    /** A layer over a quantized matrix; the bias may be null. */
    record QuantizedLinear(QuantizedMatrix matrix, MlxArray bias) implements Linear {
        @Override
        public MlxArray apply(MlxArray x) {
            MlxArray y = Quantized.matmul(x, matrix.weight(), matrix.scales(), matrix.biases(), matrix.format());
            return bias == null ? y : Ops.add(y, bias);
        }
    }
}
