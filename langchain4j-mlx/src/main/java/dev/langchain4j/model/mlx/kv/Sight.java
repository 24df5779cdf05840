package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;
import java.util.List;

/**
 * What the pictures of a sequence change about one span of it.
 *
 * @param shift what is added to offsets for the positions of the span's tokens: behind pictures whose tokens have
 *     positions on three axes, offsets and positions differ
 * @param axes the position of each token by time, height and width, [3][length]; null where a token's three positions
 *     are its offset and the shift
 * @param patches what pictures put into the span, in order
 */
public record Sight(int shift, int[][] axes, List<Patch> patches) {
    /** Of a span without pictures, in a sequence that has none before it. */
    public static final Sight NONE = new Sight(0, null, List.of());

    /**
     * Neighbouring tokens of one picture.
     *
     * @param start index of the first one in the span
     * @param rows what takes the place of their embeddings, [tokens, hidden size]
     * @param deepstack what is added to their states behind the first layers, a [tokens, hidden size] for each
     */
    public record Patch(int start, MlxArray rows, List<MlxArray> deepstack) {

        int end() {
            return start + rows.dim(0);
        }
    }
}
