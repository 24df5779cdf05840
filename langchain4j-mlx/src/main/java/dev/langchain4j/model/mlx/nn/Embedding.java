package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.model.mlx.model.Adapter.Change;
import dev.langchain4j.model.mlx.model.Weights;

/** A row for each token id, usable backwards as the layer that gives logits. */
public interface Embedding {

    /** Rows of ids: [..., length] to [..., length, dimension]. */
    MlxArray apply(MlxArray ids);

    /** The same matrix as a linear layer (tied embeddings): [..., dimension] to [..., rows]. */
    Linear asLinear();

    /** The embedding of this name, quantized if the weights say so. */
    static Embedding load(Weights weights, String name, int rows, int dimension) {
        Format format = weights.format(name, dimension);
        MlxArray matrix = format == null ? weights.get(name + ".weight", rows, dimension) : null;
        Embedding embedding = format == null
                ? new PlainEmbedding(matrix, Linear.of(weights, matrix, null))
                : new QuantizedEmbedding(QuantizedMatrix.load(weights, name, format, dimension, rows));
        Change change = weights.change(name);
        return change == null ? embedding : LowRank.embedding(weights, change, rows, dimension, embedding, matrix);
    }

    /** Rows as they are. */
    record PlainEmbedding(MlxArray matrix, Linear asLinear) implements Embedding {
        @Override
        public MlxArray apply(MlxArray ids) {
            return Indexing.take(matrix, ids, 0);
        }
    }

    /** Rows that are dequantized when they are looked up. */
    record QuantizedEmbedding(QuantizedMatrix matrix) implements Embedding {
        @Override
        public MlxArray apply(MlxArray ids) {
            MlxArray biases = matrix.biases() == null ? null : Indexing.take(matrix.biases(), ids, 0);
            MlxArray scales = Indexing.take(matrix.scales(), ids, 0);
            DType type = scales.dtype().isFloating() ? null : DType.BFLOAT16;
            return Quantized.dequantize(Indexing.take(matrix.weight(), ids, 0), scales, biases, matrix.format(), type);
        }

        @Override
        public Linear asLinear() {
            return new Linear.QuantizedLinear(matrix, null);
        }
    }
}
