package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Map;

/** Pictures, and the vectors of their patches, as grids that are cut into squares. */
public final class PatchGrid {
    private PatchGrid() {}

    /**
     * Cuts grids into squares, row by row. What fills no square at the right and at the bottom is left out.
     *
     * @param grid [pictures, rows, columns, dimension]
     * @return [pictures, squares, side * side, dimension], each square row by row
     */
    public static MlxArray squares(MlxArray grid, int side) {
        int down = grid.dim(1) / side;
        int across = grid.dim(2) / side;
        int dimension = grid.dim(3);
        MlxArray whole = Indexing.slice(Indexing.slice(grid, 1, 0, down * side), 2, 0, across * side);
        MlxArray cut = Indexing.reshape(whole, grid.dim(0), down, side, across, side, dimension);
        return Indexing.reshape(
                Indexing.transpose(cut, 0, 1, 3, 2, 4, 5), grid.dim(0), down * across, side * side, dimension);
    }

    /**
     * The numbers of the patches of pictures, row by row.
     *
     * @param pixels [pictures, channels, height, width]
     * @return [pictures, patches, side * side * channels], the channels of a pixel next to each other
     */
    public static MlxArray patches(MlxArray pixels, int side) {
        return Indexing.flatten(squares(Indexing.transpose(pixels, 0, 2, 3, 1), side), 2, 3);
    }

    /**
     * A convolution whose kernels touch and do not overlap, as a layer over {@link #patches}. Its weight is [out, side,
     * side, channels].
     */
    public static Linear convolution(Weights w, String name, int channels, int side, int out, boolean bias) {
        MlxArray kernels = w.get(name + ".weight", out, side, side, channels);
        MlxArray matrix = Indexing.reshape(kernels, out, side * side * channels);
        return Linear.of(w, matrix, bias ? w.get(name + ".bias", out) : null);
    }

    /** Turns the weight of a convolution that a raw folder has as [out, channels, side, side]. */
    public static void turnKernels(Map<String, MlxArray> tensors, String name, int channels) {
        tensors.computeIfPresent(
                name + ".weight",
                (key, kernels) -> kernels.ndim() == 4 && kernels.dim(1) == channels && kernels.dim(3) != channels
                        ? Indexing.contiguous(Indexing.moveAxis(kernels, 1, 3))
                        : kernels);
    }
}
