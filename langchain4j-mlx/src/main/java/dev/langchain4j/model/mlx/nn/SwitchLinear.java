package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.model.Adapter.Change;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Weights;

/** A linear layer of which each expert has its own matrix, stacked [experts, out, in]. */
interface SwitchLinear {

    /**
     * Applies the matrices that the experts name.
     *
     * @param x [..., 1, in]
     * @param experts an expert for each row of the result, integers
     * @param sorted whether the experts come in order, so that each matrix is read once
     * @return [..., 1, out], with the leading dimensions of {@code experts}
     */
    MlxArray apply(MlxArray x, MlxArray experts, boolean sorted);

    /** The layer of this name with some of its outputs, quantized if the weights say so. */
    static SwitchLinear loadRows(Weights weights, String name, int experts, int in, Part out, boolean bias) {
        MlxArray b = bias ? weights.part(name + ".bias", Part.all(experts), out) : null;
        return load(weights, name, experts, Part.all(in), out, b);
    }

    /**
     * The layer of this name with some of its inputs. What all ranks compute is to be added up; the first one has the
     * biases in what it computes.
     */
    static SwitchLinear loadColumns(Weights weights, String name, int experts, Part in, int out, boolean bias) {
        MlxArray b = bias ? weights.get(name + ".bias", experts, out) : null;
        return load(
                weights,
                name,
                experts,
                in,
                Part.all(out),
                in.isWhole() || weights.shard().rank() == 0 ? b : null);
    }

    private static SwitchLinear load(Weights weights, String name, int experts, Part in, Part out, MlxArray bias) {
        SwitchLinear product = product(weights, name, experts, in, out);
        SwitchLinear layer = bias == null ? product : biased(product, bias);
        Change change = weights.change(name);
        return change == null ? layer : LowRank.experts(weights, change, experts, in, out, layer);
    }

    private static SwitchLinear biased(SwitchLinear product, MlxArray biases) {
        return (x, chosen, sorted) ->
                Ops.add(product.apply(x, chosen, sorted), Indexing.expandDims(Indexing.take(biases, chosen, 0), -2));
    }

    private static SwitchLinear product(Weights weights, String name, int experts, Part in, Part out) {
        Format format = weights.format(name, in.whole());
        if (format != null) {
            QuantizedMatrix m = QuantizedMatrix.load(weights, name, format, in, Part.all(experts), out);
            return (x, chosen, sorted) ->
                    Quantized.gatherMatmul(x, m.weight(), m.scales(), m.biases(), chosen, sorted, m.format());
        }
        MlxArray matrices = weights.part(name + ".weight", Part.all(experts), out, in);
        MlxArray transposed = weights.adopt(Indexing.swapAxes(matrices, -1, -2));
        return (x, chosen, sorted) -> Ops.gatherMm(x, transposed, chosen, sorted);
    }
}
