package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.nn.GridRope;
import dev.langchain4j.model.mlx.nn.PatchAttention.Run;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The patches of a picture in the order of Qwen's vision towers: block by block, where a block of {@code merge} by
 * {@code merge} patches becomes one token, and row by row inside of a block. What depends on their places alone is
 * computed here, on the host.
 *
 * @param height patches from top to bottom, a multiple of {@code merge}
 * @param width patches from left to right, a multiple of {@code merge}
 */
record QwenPatches(int height, int width, int merge) {

    /**
     * Tokens by windows instead of by rows.
     *
     * @param order the token at each place
     * @param runs windows of one form, one run behind the other
     */
    record Windows(int[] order, List<Run> runs) {

        /** The place of each token. */
        int[] places() {
            int[] places = new int[order.length];
            for (int i = 0; i < order.length; i++) {
                places[order[i]] = i;
            }
            return places;
        }
    }

    /**
     * The patches of a picture.
     *
     * @param side pixels a side of a patch
     * @throws IllegalArgumentException if its pixels are not those of its grid
     */
    static QwenPatches of(ProcessedImage image, int merge, int channels, int side) {
        int[] grid = image.grid();
        if (grid.length == 3 && grid[0] == 1 && grid[1] % merge == 0 && grid[2] % merge == 0) {
            int[] shape = {grid[1] * grid[2], channels, side, side};
            if (Arrays.equals(shape, image.shape())) {
                return new QwenPatches(grid[1], grid[2], merge);
            }
        }
        throw new IllegalArgumentException("pixels " + Arrays.toString(image.shape()) + " of a grid "
                + Arrays.toString(grid) + " must be patches of " + List.of(channels, side, side) + " in blocks of "
                + merge + " by " + merge);
    }

    int count() {
        return height * width;
    }

    /** Patches of a token. */
    int block() {
        return merge * merge;
    }

    int tokens() {
        return count() / block();
    }

    /** The row of a patch. */
    int row(int patch) {
        return patch / block() / (width / merge) * merge + patch % block() / merge;
    }

    /** The column of a patch. */
    int column(int patch) {
        return patch / block() % (width / merge) * merge + patch % merge;
    }

    /** Tokens from the first on. */
    int[] inOrder() {
        int[] order = new int[tokens()];
        Arrays.setAll(order, i -> i);
        return order;
    }

    /** All patches as one window. */
    List<Run> whole() {
        return List.of(new Run(1, count()));
    }

    /**
     * Windows of {@code side} by {@code side} tokens, or less where the picture ends. Windows of one form stand
     * together, so that there are at most four runs.
     */
    Windows windows(int side) {
        int rows = height / merge;
        int columns = width / merge;
        int[] order = new int[tokens()];
        List<Run> runs = new ArrayList<>();
        int at = 0;
        for (int[] band : bands(rows, side)) {
            for (int[] stripe : bands(columns, side)) {
                for (int top = band[0]; top < band[1]; top += band[2]) {
                    for (int left = stripe[0]; left < stripe[1]; left += stripe[2]) {
                        for (int i = 0; i < band[2] * stripe[2]; i++) {
                            order[at++] = (top + i / stripe[2]) * columns + left + i % stripe[2];
                        }
                    }
                }
                int windows = (band[1] - band[0]) / band[2] * ((stripe[1] - stripe[0]) / stripe[2]);
                runs.add(new Run(windows, band[2] * stripe[2] * block()));
            }
        }
        return new Windows(order, runs);
    }

    /** Where whole windows go from and to along an axis, and their length; then the same of what is left. */
    private static List<int[]> bands(int length, int side) {
        int whole = length / side * side;
        List<int[]> bands = new ArrayList<>();
        if (whole > 0) {
            bands.add(new int[] {0, whole, side});
        }
        if (whole < length) {
            bands.add(new int[] {whole, length, length - whole});
        }
        return bands;
    }

    /** Where the patches are, token by token in this order. */
    GridRope.Places places(int[] order) {
        int[] rows = new int[count()];
        int[] columns = new int[count()];
        for (int i = 0; i < count(); i++) {
            int patch = order[i / block()] * block() + i % block();
            rows[i] = row(patch);
            columns[i] = column(patch);
        }
        return new GridRope.Places(rows, columns);
    }

    /**
     * The weights that stretch a table over an axis, first on first and last on last: [to, from], with two weights in
     * each row that are not zero, or one.
     */
    static float[] stretched(int from, int to) {
        float[] weights = new float[to * from];
        for (int i = 0; i < to; i++) {
            double place = (double) i * (from - 1) / Math.max(1, to - 1);
            int below = (int) place;
            weights[i * from + below] = (float) (1 - (place - below));
            if (below + 1 < from) {
                weights[i * from + below + 1] = (float) (place - below);
            }
        }
        return weights;
    }

    /** Rows and columns of patches, [height, width, hidden], in the towers' order: [1, patches, hidden]. */
    MlxArray blocked(MlxArray x) {
        int hidden = x.dim(2);
        MlxArray split = Indexing.reshape(x, height / merge, merge, width / merge, merge, hidden);
        return Indexing.reshape(Indexing.transpose(split, 0, 2, 1, 3, 4), 1, count(), hidden);
    }
}
