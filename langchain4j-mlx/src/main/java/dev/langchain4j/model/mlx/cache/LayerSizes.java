package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.List;

/**
 * How many bytes the layers of a model take for so many tokens, as the first sequence that was written showed: never
 * less, for requests begin by it.
 */
final class LayerSizes {
    private static final int STEP_MAX = 256;
    private static final int LENGTHS = 16;

    private final List<Curve> layers;

    /** The sizes that a sequence shows whose layers were written. */
    LayerSizes(Sequence sequence) {
        layers = sequence.layers.stream().map(Curve::of).toList();
    }

    /** Bytes that a sequence of so many tokens takes. */
    long bytes(int tokens) {
        long sum = 0;
        for (Curve layer : layers) {
            sum += layer.bytes(tokens);
        }
        return sum;
    }

    /**
     * The bytes of a layer. Between two lengths that were asked they grow as fast as before the first of them, up to
     * what the second takes: exact for layers that grow with the tokens, for ever or up to a length.
     *
     * @param step tokens that buffers grow by
     * @param at bytes of {@link #STEP_MAX} tokens, twice as many, and so on
     */
    private record Curve(int step, long stepBytes, long[] at) {

        static Curve of(LayerCache layer) {
            long first = layer.bytesFor(1);
            int step = 1;
            while (step < STEP_MAX && layer.bytesFor(step + 1) == first) {
                step++;
            }
            long[] at = new long[LENGTHS];
            for (int i = 0; i < LENGTHS; i++) {
                at[i] = layer.bytesFor(length(i));
            }
            return new Curve(step, first, at);
        }

        private static int length(int i) {
            return STEP_MAX << i;
        }

        long bytes(int tokens) {
            if (tokens <= STEP_MAX) {
                return Math.min(stepBytes * Math.ceilDiv(tokens, step), at[0]);
            }
            int i = 1;
            while (i < LENGTHS - 1 && length(i) < tokens) {
                i++;
            }
            int from = length(i - 1);
            int before = i == 1 ? step : length(i - 2);
            long grownBefore = at[i - 1] - (i == 1 ? stepBytes : at[i - 2]);
            long more = (long) Math.ceilDiv(tokens - from, step) * step;
            // One step has not shown how fast a layer grows: as its first one, if at all.
            long grown = before == from ? stepBytes * more / step : Math.ceilDiv(grownBefore * more, from - before);
            long bytes = at[i - 1] + grown;
            return tokens <= length(i) ? Math.min(bytes, at[i]) : bytes;
        }
    }
}
