package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.model.Adapter.Change;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.function.UnaryOperator;

/** y = x W' + b, over the last dimension. */
public interface Linear {

    /** Applies the layer: [..., in] to [..., out]. */
    MlxArray apply(MlxArray x);

    /**
     * What this rank computes of it, where the layer is the sum of what all ranks compute, and has nothing beside; null
     * where it is not.
     */
    default Linear unsummed() {
        return null;
    }

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
        return load(weights, name, Part.all(in), Part.all(out), bias);
    }

    /** The layer of this name with some of its outputs: a share of what a model split over ranks has. */
    static Linear loadRows(Weights weights, String name, int in, Part out, boolean bias) {
        return load(weights, name, Part.all(in), out, bias);
    }

    /** The layer of this name, of which each rank has some of the inputs: what all ranks compute is added up. */
    static Linear loadColumns(Weights weights, String name, Part in, int out, boolean bias) {
        if (in.isWhole()) {
            return load(weights, name, in.whole(), out, bias);
        }
        Linear partial = load(weights, name, in, Part.all(out), false);
        MlxArray b = bias ? weights.get(name + ".bias", out) : null;
        return new SummedLinear(partial, weights.shard().sum(), b);
    }

    /** The sum of what all ranks compute; the bias may be null. */
    record SummedLinear(Linear partial, UnaryOperator<MlxArray> sum, MlxArray bias) implements Linear {
        @Override
        public MlxArray apply(MlxArray x) {
            MlxArray y = sum.apply(partial.apply(x));
            return bias == null ? y : Ops.add(y, bias);
        }

        @Override
        public Linear unsummed() {
            return bias == null ? partial : null;
        }
    }

    private static Linear load(Weights weights, String name, Part in, Part out, boolean bias) {
        MlxArray b = bias ? weights.part(name + ".bias", out) : null;
        Format format = weights.format(name, in.whole());
        Change change = weights.change(name);
        boolean dora = change != null && change.magnitude() != null;
        // lengths are those of whole rows, also where this rank has some columns of them
        MlxArray rows = dora && !in.isWhole() ? whole(weights, name, format, in.whole(), out.whole()) : null;
        QuantizedMatrix packed = format == null ? null : QuantizedMatrix.load(weights, name, format, in, out);
        MlxArray matrix = format == null ? weights.part(name + ".weight", out, in) : null;
        MlxArray own = dora ? null : b;
        Linear plain = packed != null ? new QuantizedLinear(packed, own) : of(weights, matrix, own);
        if (change == null) {
            return plain;
        }
        if (rows == null) {
            rows = packed != null ? packed.dequantized() : matrix;
        }
        return LowRank.linear(weights, change, in, out, plain, rows, b);
    }

    /** A matrix that is about to be cut. */
    private static MlxArray whole(Weights weights, String name, Format format, int in, int out) {
        return format == null
                ? weights.get(name + ".weight", out, in).share()
                : QuantizedMatrix.load(weights, name, format, in, out).dequantized();
    }

    /**
     * A layer over a matrix [out, in], of which the transposed view is made once. A second view has a batch dimension,
     * as what goes in mostly has: products of equal dimensions need no reshaping before and after.
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
