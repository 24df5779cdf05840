package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Map;

/**
 * The convolution that makes vectors of patches. Its stride is its kernel, so that it is a matrix. The products are of
 * single precision, whatever the type of the weights: they are few.
 *
 * @param type of the vectors
 */
public record PatchEmbedding(Linear linear, DType type) {

    /**
     * The layer of this name over patches of one frame, whose weight is that of a convolution, [hidden, frames, side,
     * side, channels]. A picture counts as that many equal frames, so their weights are added up.
     */
    public static PatchEmbedding load(Weights w, String name, int hidden, int frames, int side, int channels) {
        MlxArray weight = w.get(name + ".weight", hidden, frames, side, side, channels);
        MlxArray single = Ops.sum(Ops.astype(weight, DType.FLOAT32), 1, false);
        MlxArray matrix = Indexing.reshape(Indexing.transpose(single, 0, 3, 1, 2), hidden, channels * side * side);
        MlxArray bias =
                w.has(name + ".bias") ? w.adopt(Ops.astype(w.get(name + ".bias", hidden), DType.FLOAT32)) : null;
        return new PatchEmbedding(Linear.of(w, matrix, bias), weight.dtype());
    }

    /** Turns the weight of a raw folder, [hidden, channels, frames, side, side], as {@link #load} wants it. */
    public static void turn(Map<String, MlxArray> tensors, String name, int frames, int channels) {
        tensors.computeIfPresent(name + ".weight", (key, weight) -> {
            boolean raw = weight.ndim() == 5
                    && weight.dim(1) == channels
                    && weight.dim(2) == frames
                    && !(weight.dim(1) == frames && weight.dim(4) == channels);
            return raw ? Indexing.contiguous(Indexing.moveAxis(weight, 1, 4)) : weight;
        });
    }

    /** Vectors, [1, patches, hidden], of patches, row-major [patches, channels, side, side]. */
    public MlxArray apply(float[] pixels, int patches) {
        MlxArray rows = MlxArray.of(pixels, 1, patches, pixels.length / patches);
        return Ops.astype(linear.apply(rows), type);
    }
}
