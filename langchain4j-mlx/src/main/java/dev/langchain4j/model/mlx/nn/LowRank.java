package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.Adapter.Change;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Weights;

/**
 * Layers with a change of low rank beside them, which an adapter brings. The matrices stay apart, as in mlx-lm:
 * quantized ones cannot take a change in, and rounding would differ. Sources: mlx-lm's {@code tuner/lora.py} and
 * {@code dora.py}.
 */
final class LowRank {
    private LowRank() {}

    /**
     * A linear layer with a change.
     *
     * @param in the inputs that this rank has
     * @param out the outputs that it has
     * @param layer the layer, without bias if the change has a magnitude
     * @param rows the whole rows of the layer's matrix for these outputs, as floats
     * @param bias the layer's bias, or null
     */
    static Linear linear(Weights w, Change change, Part in, Part out, Linear layer, MlxArray rows, MlxArray bias) {
        change.checked(new int[] {in.whole(), change.rank()}, new int[] {change.rank(), out.whole()}, out.whole());
        MlxArray a = w.adopt(part(change.a(), 0, in));
        MlxArray b = w.adopt(Ops.multiply(part(change.b(), 1, out), change.scale()));
        Linear changed = x -> Ops.add(layer.apply(x), Ops.astype(Ops.matmul(Ops.matmul(x, a), b), x.dtype()));
        if (change.magnitude() == null) {
            return changed;
        }
        MlxArray delta = Indexing.transpose(Ops.matmul(change.a(), b), 1, 0);
        MlxArray magnitude = part(change.magnitude(), 0, out);
        MlxArray gain = w.adopt(Ops.divide(magnitude, lengths(Ops.add(rows, delta))));
        return x -> {
            MlxArray y = Ops.multiply(Ops.astype(gain, x.dtype()), changed.apply(x));
            return bias == null ? y : Ops.add(y, bias);
        };
    }

    private static MlxArray part(MlxArray whole, int axis, Part own) {
        return own.isWhole() ? whole : Indexing.contiguous(own.of(whole, axis));
    }

    /** The lengths of a matrix's rows. */
    private static MlxArray lengths(MlxArray matrix) {
        return Ops.sqrt(Ops.sum(Ops.square(matrix), 1, false));
    }

    /** The stacked linear layers of experts with a change. */
    static SwitchLinear experts(Weights w, Change change, int experts, Part in, Part out, SwitchLinear layer) {
        if (change.magnitude() != null) {
            throw change.refused("has experts, which DoRA cannot change");
        }
        int rank = change.rank();
        change.checked(new int[] {experts, rank, in.whole()}, new int[] {experts, out.whole(), rank}, out.whole());
        MlxArray a = w.adopt(Indexing.swapAxes(part(change.a(), 2, in), -1, -2));
        MlxArray b = w.adopt(Indexing.swapAxes(Ops.multiply(part(change.b(), 1, out), change.scale()), -1, -2));
        return (x, chosen, sorted) -> {
            MlxArray z = Ops.gatherMm(Ops.gatherMm(x, a, chosen, sorted), b, chosen, sorted);
            return Ops.add(layer.apply(x, chosen, sorted), Ops.astype(z, x.dtype()));
        };
    }

    /**
     * An embedding with a change.
     *
     * @param matrix the rows as they are, or null if they are quantized
     */
    static Embedding embedding(Weights w, Change change, int rows, int dimension, Embedding layer, MlxArray matrix) {
        int rank = change.rank();
        change.checked(new int[] {rows, rank}, new int[] {rank, dimension}, rows);
        MlxArray a = w.adopt(change.a());
        MlxArray b = w.adopt(Ops.multiply(change.b(), change.scale()));
        MlxArray aBack = w.adopt(Indexing.transpose(change.a(), 1, 0));
        MlxArray bBack = w.adopt(Indexing.transpose(b, 1, 0));
        Linear head = layer.asLinear();
        if (!change.tiedHead()) {
            return new Changed(layer, a, b, null, head);
        }
        Linear changedHead =
                x -> Ops.add(head.apply(x), Ops.astype(Ops.matmul(Ops.matmul(x, bBack), aBack), x.dtype()));
        if (change.magnitude() == null) {
            return new Changed(layer, a, b, null, changedHead);
        }
        if (matrix == null) {
            throw change.refused("is a quantized embedding, which DoRA cannot change");
        }
        MlxArray changedRows = Ops.add(matrix, Ops.matmul(change.a(), b));
        MlxArray gain = w.adopt(Ops.divide(change.magnitude(), lengths(changedRows)));
        return new Changed(layer, a, b, gain, x -> Ops.multiply(gain, changedHead.apply(x)));
    }

    /** Rows with their change; {@code gain} is null or what each row is multiplied by. */
    private record Changed(Embedding layer, MlxArray a, MlxArray b, MlxArray gain, Linear asLinear)
            implements Embedding {
        @Override
        public MlxArray apply(MlxArray ids) {
            MlxArray y = layer.apply(ids);
            MlxArray z = Ops.astype(Ops.matmul(Indexing.take(a, ids, 0), b), y.dtype());
            MlxArray changed = Ops.add(y, z);
            return gain == null ? changed : Ops.multiply(Indexing.expandDims(Indexing.take(gain, ids, 0), -1), changed);
        }
    }
}
